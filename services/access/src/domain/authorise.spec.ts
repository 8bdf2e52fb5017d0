import { describe, expect, it } from '@jest/globals';
import type { ApiKey } from './api-key.ts';
import { authorise } from './authorise.ts';
import type { ActState } from './ports.ts';

const NOW_MS = 1000;
const actor = { keyId: 'key_1', organisationId: 'org_1' };
const owner: ApiKey = {
  id: 'key_1', organisationId: 'org_1', kind: 'admin', projectId: undefined, role: 'owner', name: 'n', prefix: 'p',
  keyedHash: new Uint8Array(), models: [], createdAtMs: 1, expiresAtMs: undefined, revokedAtMs: undefined,
};

/** A state that holds one key, and remembers what it was asked, in order. */
function stateWith(key: ApiKey | undefined, asked: string[] = []): ActState {
  const state: Pick<ActState, 'lockOrganisation' | 'key'> = {
    lockOrganisation: async (id) => { asked.push('lock'); return id === 'org_1' ? { id, name: 'o' } : undefined; },
    key: async (organisationId, id) => { asked.push('key'); return key && organisationId === key.organisationId && id === key.id ? key : undefined; },
  };
  return state as ActState;
}

describe('authorise', () => {
  it('reads the key behind the lock: what it saw cannot change before the act commits', async () => {
    const asked: string[] = [];
    await authorise(stateWith(owner, asked), actor, 'project.create', NOW_MS);
    expect(asked).toEqual(['lock', 'key']);
  });

  it.each<[string, ApiKey | undefined, typeof actor]>([
    ['an unknown key', undefined, actor],
    ['an unknown organisation', owner, { ...actor, organisationId: 'org_2' }],
    ['an inference key', { ...owner, kind: 'inference', role: undefined, projectId: 'proj_1' }, actor],
    ['a revoked key', { ...owner, revokedAtMs: 1 }, actor],
    ['an expired key', { ...owner, expiresAtMs: NOW_MS }, actor],
    ['a role that may not', { ...owner, role: 'member' }, actor],
  ])('refuses %s', async (_name, key, by) => {
    await expect(authorise(stateWith(key), by, 'project.create', NOW_MS)).rejects.toMatchObject({ code: 'insufficient_permissions' });
  });
});
