import { createSecretKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { ManualClock, systemIds } from '@sluice/clock';
import type { ApiKey } from './api-key.ts';
import type { AdminAct } from '@sluice/events';
import type { ActState } from './ports.ts';
import { revokeApiKey } from './revoke-api-key.ts';

const clock = new ManualClock();
const actor = { keyId: 'key_owner', organisationId: 'org_1' };
const owner: ApiKey = {
  id: 'key_owner', organisationId: 'org_1', kind: 'admin', projectId: undefined, role: 'owner', name: 'n', prefix: 'p',
  keyedHash: new Uint8Array(), models: [], createdAtMs: 1, expiresAtMs: undefined, revokedAtMs: undefined,
};
const app: ApiKey = { ...owner, id: 'key_app', kind: 'inference', role: undefined, projectId: 'proj_1' };

describe('revokeApiKey', () => {
  it('believes what it reads behind the lock: a key that another act has just revoked is not revoked twice', async () => {
    let locked = false;
    const written: unknown[] = [];
    const revoked = { ...app, revokedAtMs: 5 };
    const state: Partial<ActState> = {
      lockOrganisation: async (id) => { locked = true; return { id, name: 'o' }; },
      key: async (_organisationId, id) => (id === owner.id ? owner : locked ? revoked : app),
      markRevoked: async (...given) => void written.push(given),
      record: async (act: AdminAct) => void written.push(act),
    };
    const administration = {
      acts: { act: <T>(work: (given: ActState) => Promise<T>) => work(state as ActState) }, clock, ids: systemIds(clock), pepper: createSecretKey(Buffer.alloc(32, 1)),
    };
    expect(await revokeApiKey(administration, actor, app.id)).toEqual({ key: revoked, wasRevoked: true });
    expect(written).toEqual([]);
  });
});
