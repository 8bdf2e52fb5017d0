import { ServiceError } from '@sluice/errors';
import type { Actor } from '@sluice/events';
import { authorise } from './authorise.ts';
import { checkLimits, isUnlimited, namedLimits, NO_LIMITS, type Level, type LimitsChange, type SubjectLimits } from './limits.ts';
import type { ActState, Administration } from './ports.ts';

/** What was asked for, as on the wire. */
export interface NewLimits {
  readonly level: Level | undefined;
  readonly subjectId: string;
  readonly change: LimitsChange | undefined;
}

const OBJECTS: Readonly<Record<Level, string>> = { organisation: 'organisation', project: 'project', key: 'api_key' };

/**
 * Changes limits of an organisation, a project or an inference key: what is not given stays as it is, also when others
 * change it at the same time; 0 removes it.
 * Errors: `missing_required_parameter`, `invalid_value`, `not_found` for a subject that is not of the actor's
 * organisation, `failed_precondition` for a key that was revoked.
 */
export function setLimits(administration: Administration, actor: Actor, { level, subjectId, change }: NewLimits): Promise<SubjectLimits> {
  if (!level) throw missing('level');
  if (subjectId === '') throw missing('subject_id');
  const changed = checkLimits(change);
  const nowMs = administration.clock.wallMs();
  return administration.acts.act(async (state) => {
    await authorise(state, actor, level === 'key' ? 'key_limits.set' : 'limits.set', nowMs);
    await checkSubject(state, actor.organisationId, level, subjectId);
    // The organisation is locked: nobody else changes what is read here before the act commits.
    const limits = { ...NO_LIMITS, ...(await state.limits(actor.organisationId, level, subjectId)), ...changed };
    const subject = { level, subjectId, limits };
    if (isUnlimited(limits)) await state.removeLimits(actor.organisationId, level, subjectId);
    else await state.putLimits(actor.organisationId, subject);
    await state.record({ actor, action: 'limits.set', object: `${OBJECTS[level]}:${subjectId}`, atMs: nowMs, detail: namedLimits(limits) }, { limits: subject });
    return subject;
  });
}

async function checkSubject(state: ActState, organisationId: string, level: Level, subjectId: string): Promise<void> {
  if (level === 'organisation') {
    if (subjectId !== organisationId) throw notFound(level);
  } else if (level === 'project') {
    if (!(await state.project(organisationId, subjectId))) throw notFound(level);
  } else {
    const key = await state.key(organisationId, subjectId);
    if (!key) throw notFound(level);
    if (key.kind === 'admin') throw new ServiceError('invalid_value', 'An admin key makes no calls: limits are set on inference keys.', { param: 'subject_id' });
    if (key.revokedAtMs !== undefined) throw new ServiceError('failed_precondition', 'This key has been revoked: it makes no calls any more.', { param: 'subject_id' });
  }
}

function missing(param: string): ServiceError {
  return new ServiceError('missing_required_parameter', `\`${param}\` must be given.`, { param });
}

function notFound(level: Level): ServiceError {
  return new ServiceError('not_found', `There is no such ${level}.`, { param: 'subject_id' });
}
