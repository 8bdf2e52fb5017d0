import { ServiceError } from '@sluice/errors';
import type { Actor } from '@sluice/events';
import { isLive, type ApiKey } from './api-key.ts';
import { authorise } from './authorise.ts';
import type { Administration } from './ports.ts';

/** A revoked key, and whether it had been revoked before this act. */
export interface Revocation {
  readonly key: ApiKey;
  readonly wasRevoked: boolean;
}

/**
 * Ends a key for good. Revoking it again changes and records nothing, and says so.
 * Errors: `not_found`; `failed_precondition` for the last live owner key, because nobody could let a new one in.
 */
export function revokeApiKey(administration: Administration, actor: Actor, keyId: string): Promise<Revocation> {
  if (keyId === '') throw new ServiceError('missing_required_parameter', '`key_id` must not be empty.', { param: 'key_id' });
  const nowMs = administration.clock.wallMs();
  return administration.acts.act(async (state) => {
    const key = await state.key(actor.organisationId, keyId);
    await authorise(state, actor, key?.kind === 'admin' ? 'admin_key.revoke' : 'inference_key.revoke', nowMs);
    // Read again: only now does the act have the organisation to itself.
    const current = key && (await state.key(actor.organisationId, keyId));
    if (!current) throw new ServiceError('not_found', 'There is no such key.', { param: 'key_id' });
    if (current.revokedAtMs !== undefined) return { key: current, wasRevoked: true };
    if (current.role === 'owner' && isLive(current, nowMs)) {
      const { liveOwners } = await state.keyCounts(actor.organisationId, nowMs);
      if (liveOwners <= 1) {
        throw new ServiceError('failed_precondition', 'This is the last live owner key. Create another one first.', { param: 'key_id' });
      }
    }
    const revoked = { ...current, revokedAtMs: nowMs };
    await state.markRevoked(keyId, nowMs);
    const detail = { kind: revoked.kind, name: revoked.name, prefix: revoked.prefix };
    await state.record({ actor, action: 'key.revoked', object: `api_key:${keyId}`, atMs: nowMs, detail }, { key: revoked });
    return { key: revoked, wasRevoked: false };
  });
}
