import { ServiceError } from '@sluice/errors';
import type { Actor } from '@sluice/events';
import { authorise } from './authorise.ts';
import { checkLimits, isUnlimited, namedLimits, type GivenLimits, type Level, type SubjectLimits } from './limits.ts';
import type { ActState, Administration } from './ports.ts';

/** What was asked for, as on the wire. */
export interface NewLimits {
  readonly level: Level | undefined;
  readonly subjectId: string;
  readonly limits: GivenLimits | undefined;
}

const OBJECTS: Readonly<Record<Level, string>> = { organisation: 'organisation', project: 'project', key: 'api_key' };

/**
 * Replaces the limits of an organisation, a project or an inference key; all zero removes them.
 * Errors: `missing_required_parameter`, `invalid_value`, `not_found` for a subject that is not of the actor's
 * organisation, `failed_precondition` for a key that was revoked.
 */
export function setLimits(administration: Administration, actor: Actor, { level, subjectId, limits: given }: NewLimits): Promise<SubjectLimits> {
  if (!level) throw missing('level');
  if (subjectId === '') throw missing('subject_id');
  if (!given) throw missing('limits');
  const limits = checkLimits(given);
  const nowMs = administration.clock.wallMs();
  const subject = { level, subjectId, limits };
  return administration.acts.act(async (state) => {
    await authorise(state, actor, level === 'key' ? 'key_limits.set' : 'limits.set', nowMs);
    await checkSubject(state, actor.organisationId, level, subjectId);
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
