import { ServiceError } from '@sluice/errors';
import type { Actor } from '@sluice/events';
import type { ApiKey, KeyKind } from './api-key.ts';
import { authorise } from './authorise.ts';
import { checkExpiry, checkModels, checkName } from './check.ts';
import type { ActState, Administration } from './ports.ts';
import type { Role } from './role.ts';
import { keyedHash, newSecret, prefixOf } from './secret.ts';

/** Every replica holds every key that is not revoked in memory, and a snapshot carries them all. */
export const MAX_UNREVOKED_KEYS = 20_000;

/** What was asked for; empty text and 0 stand for "not given", as on the wire. */
export interface NewApiKey {
  readonly kind: KeyKind;
  readonly role: Role | undefined;
  readonly projectId: string;
  readonly name: string;
  readonly models: readonly string[];
  readonly expiresAtMs: bigint;
}

type KeyValues = Pick<ApiKey, 'kind' | 'role' | 'projectId' | 'name' | 'models' | 'expiresAtMs'>;

/** Makes a key. The secret is in the result and nowhere else: it cannot be shown again. */
export async function createApiKey(
  administration: Administration, actor: Actor, request: NewApiKey,
): Promise<{ key: ApiKey; secret: string }> {
  const nowMs = administration.clock.wallMs();
  const values = request.kind === 'admin' ? checkAdminKey(request, nowMs) : checkInferenceKey(request, nowMs);
  const secret = newSecret(values.kind, administration.ids);
  const key = await administration.acts.act(async (state) => {
    await authorise(state, actor, values.kind === 'admin' ? 'admin_key.create' : 'inference_key.create', nowMs);
    if (values.projectId !== undefined && !(await state.project(actor.organisationId, values.projectId))) {
      throw new ServiceError('not_found', 'There is no such project.', { param: 'project_id' });
    }
    const { unrevoked } = await state.keyCounts(actor.organisationId, nowMs);
    if (unrevoked >= MAX_UNREVOKED_KEYS) {
      throw new ServiceError('failed_precondition', `An organisation holds at most ${MAX_UNREVOKED_KEYS} keys that are not revoked.`);
    }
    return addKey(state, administration, actor, values, secret, nowMs);
  });
  return { key, secret };
}

/** Writes and records a key; the caller has checked that it may be. */
export async function addKey(
  state: ActState, { ids, pepper }: Pick<Administration, 'ids' | 'pepper'>, actor: Actor, values: KeyValues, secret: string, nowMs: number,
): Promise<ApiKey> {
  const key: ApiKey = {
    ...values,
    id: ids.next('key'),
    organisationId: actor.organisationId,
    prefix: prefixOf(values.kind, secret),
    keyedHash: keyedHash(pepper, secret),
    createdAtMs: nowMs,
    revokedAtMs: undefined,
  };
  await state.addKey(key);
  await state.record({ actor, action: 'key.created', object: `api_key:${key.id}`, atMs: nowMs, detail: detailOf(key) }, { key });
  return key;
}

function detailOf(key: ApiKey): Record<string, string | number | readonly string[]> {
  return {
    kind: key.kind,
    name: key.name,
    prefix: key.prefix,
    ...(key.role ? { role: key.role } : { models: key.models, project_id: key.projectId ?? '' }),
    ...(key.expiresAtMs === undefined ? {} : { expires_at_ms: key.expiresAtMs }),
  };
}

function checkAdminKey(request: NewApiKey, nowMs: number): KeyValues {
  if (!request.role) throw new ServiceError('missing_required_parameter', 'An admin key needs a `role`.', { param: 'role' });
  refuseIfGiven(request.projectId !== '', 'project_id', 'an admin key');
  refuseIfGiven(request.models.length > 0, 'models', 'an admin key');
  const name = checkName(request.name, 'name');
  return { kind: 'admin', role: request.role, projectId: undefined, name, models: [], expiresAtMs: checkExpiry(request.expiresAtMs, nowMs) };
}

function checkInferenceKey(request: NewApiKey, nowMs: number): KeyValues {
  refuseIfGiven(request.role !== undefined, 'role', 'an inference key');
  if (request.projectId === '') {
    throw new ServiceError('missing_required_parameter', 'An inference key needs a `project_id`.', { param: 'project_id' });
  }
  return {
    kind: 'inference',
    role: undefined,
    projectId: request.projectId,
    name: checkName(request.name, 'name'),
    models: checkModels(request.models),
    expiresAtMs: checkExpiry(request.expiresAtMs, nowMs),
  };
}

function refuseIfGiven(given: boolean, param: string, holder: string): void {
  if (given) throw new ServiceError('invalid_value', `\`${param}\` has no meaning for ${holder}.`, { param });
}
