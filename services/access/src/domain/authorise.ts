import { ServiceError } from '@sluice/errors';
import type { Actor } from '@sluice/events';
import { isLive } from './api-key.ts';
import type { ActState } from './ports.ts';
import { mayAct, type Action } from './role.ts';

/**
 * Lets an act go on only for a live admin key of the organisation whose role allows it, and makes the act the only one
 * of the organisation: what was checked still holds when the act commits, so a revoked key changes nothing any more.
 * Errors: `insufficient_permissions`.
 */
export async function authorise(state: ActState, actor: Actor, action: Action, nowMs: number): Promise<void> {
  const organisation = await state.lockOrganisation(actor.organisationId);
  const key = organisation && (await state.key(organisation.id, actor.keyId));
  if (!key?.role || !isLive(key, nowMs)) {
    throw new ServiceError('insufficient_permissions', 'This needs a live admin key of the organisation.');
  }
  if (!mayAct(key.role, action)) {
    throw new ServiceError('insufficient_permissions', `An admin key with the role \`${key.role}\` may not do this.`);
  }
}
