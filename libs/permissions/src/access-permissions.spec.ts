import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import { AccessService } from '@sluice/proto/access/v1/access';
import { InProcessTransport, type Implementation } from '@sluice/rpc';
import { AccessPermissions } from './access-permissions.ts';

const ACTOR = { keyId: 'owner', organisationId: 'org' };
const asked: unknown[] = [];
const unasked = (): Promise<never> => Promise.reject(new Error('nobody asks this'));
const REST = { getSnapshot: unasked, getProjectSecrets: unasked, createProject: unasked, createApiKey: unasked, revokeApiKey: unasked, setLimits: unasked, listLimits: unasked, setParameterRule: unasked, listParameterRules: unasked, removeParameterRule: unasked };
const ACCESS: Implementation<typeof AccessService> = {
  ...REST,
  async authorise({ actor, action }) {
    asked.push([actor?.organisationId, actor?.keyId, action]);
    if (actor?.keyId !== 'owner') throw new ServiceError('insufficient_permissions', 'Not you.');
    return {};
  },
  listProjects: async ({ organisationId }) => ({ projects: organisationId === 'org' ? [{ id: 'proj' }] : [] }),
  listApiKeys: async ({ organisationId }) => ({ keys: organisationId === 'org' ? [{ id: 'app', projectId: 'proj' }, { id: 'owner', projectId: '' }] : [] }),
};

function permissions(implementation?: Implementation<typeof AccessService>): AccessPermissions {
  const transport = new InProcessTransport();
  if (implementation) transport.serve(AccessService, implementation);
  return new AccessPermissions(transport.connect(AccessService));
}

describe('permissions', () => {
  it('are what access says of the actor and the action, in its words', async () => {
    const given = permissions(ACCESS);
    await given.require(ACTOR, 'billing.change');
    expect(asked.at(-1)).toEqual(['org', 'owner', 'billing.change']);
    await expect(given.require({ ...ACTOR, keyId: 'guest' }, 'model.change')).rejects.toMatchObject({ code: 'insufficient_permissions', message: 'Not you.' });
  });

  it('tell what there is in an organisation, and of keys only those that make calls', async () => {
    const given = permissions(ACCESS);
    expect(await Promise.all([given.hasProject('org', 'proj'), given.hasProject('org', 'none'), given.hasProject('other', 'proj')])).toEqual([true, false, false]);
    expect(await Promise.all([given.hasInferenceKey('org', 'app'), given.hasInferenceKey('org', 'owner'), given.hasInferenceKey('other', 'app')])).toEqual([true, false, false]);
  });

  it('are nobody\'s while access is away or too slow to answer', async () => {
    const never = (): Promise<never> => new Promise(() => undefined);
    const broken = (): Promise<never> => Promise.reject(new ServiceError('not_found', 'No such table.'));
    const houses = [permissions(), permissions({ ...ACCESS, authorise: never, listProjects: never, listApiKeys: never }), permissions({ ...ACCESS, authorise: broken, listProjects: broken, listApiKeys: broken })];
    const refusals = houses.flatMap((given) => [given.require(ACTOR, 'filter.change'), given.hasProject('org', 'proj'), given.hasInferenceKey('org', 'app')]);
    for (const refusal of await Promise.allSettled(refusals)) expect(refusal).toMatchObject({ status: 'rejected', reason: { code: 'access_unavailable', httpStatus: 503 } });
  });
});
