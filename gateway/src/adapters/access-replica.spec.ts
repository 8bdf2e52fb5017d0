import { afterEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { EventLog } from '@sluice/events';
import { AccessService } from '@sluice/proto/access/v1/access';
import { InProcessTransport } from '@sluice/rpc';
import { silentLogger } from '@sluice/telemetry';
import { until } from '../testing/house.ts';
import { AccessReplica } from './access-replica.ts';

let stop: () => Promise<void> = () => Promise.resolve();
afterEach(() => stop());

/** A replica of an owner that can be taken away; no beat arrives, so the copy ages with the clock. */
async function setUp() {
  const clock = new ManualClock();
  const owner = { away: false, asked: 0, secretsAsked: 0, secretsAway: false };
  const transport = new InProcessTransport();
  const missing = () => Promise.reject(new ServiceError('not_found', 'not part of this test'));
  transport.serve(AccessService, {
    getSnapshot: async () => {
      owner.asked++;
      if (owner.away) throw new ServiceError('backend_unavailable', 'away');
      return { position: 1n, pepper: Buffer.alloc(32, 1), projects: [{ project: { id: 'p1', organisationId: 'org_1', name: `read ${owner.asked}` }, dataKeys: [] }], limits: [{ level: 2, subjectId: 'p1', limits: { requestsPerDay: BigInt(owner.asked) } }], parameterRules: [{ organisationId: 'org_1', rules: [{ id: `r${owner.asked}`, parameter: 'n', max: 1 }] }] };
    },
    authorise: missing,
    getProjectSecrets: async ({ organisationId, projectId }) => {
      if (organisationId !== 'org_1') throw new ServiceError('not_found', 'not of this organisation');
      owner.secretsAsked++;
      if (owner.secretsAway) throw new ServiceError('backend_unavailable', 'away');
      return { project: { project: { id: projectId, organisationId }, dataKeys: [{ id: 'data', key: Buffer.alloc(32, 2) }] } };
    },
    createProject: missing,
    listProjects: missing,
    createApiKey: missing,
    listApiKeys: missing,
    revokeApiKey: missing,
    setLimits: missing, listLimits: missing, setParameterRule: missing, listParameterRules: missing, removeParameterRule: missing,
  });
  const events = { follow: () => ({ stop: async () => undefined, caughtUp: async () => undefined, lag: () => 0 }) } as unknown as EventLog;
  const access = new AccessReplica({ connect: (service) => transport.connect(service), events, clock, logger: silentLogger });
  access.replica.start();
  stop = () => access.replica.stop();
  await access.replica.ready();
  return { access, clock, owner };
}

describe('the copy of access', () => {
  it('is trusted while it is young', async () => {
    const { access, clock } = await setUp();
    clock.jump(999);
    expect(access.fresh()).toBeUndefined();
  });

  it('asks the owner when it is older than a second; calls that ask together share one answer', async () => {
    const { access, clock, owner } = await setUp();
    clock.jump(1_500);
    const before = owner.asked;
    await Promise.all([access.fresh(), access.fresh(), access.fresh()]);
    expect(owner.asked).toBe(before + 1);
    expect(access.directory.project('p1')?.name).toBe(`read ${owner.asked}`);
    expect([access.limits('p1')?.requestsPerDay, access.parameterRules('org_1')?.[0]?.id]).toEqual([owner.asked, `r${owner.asked}`]);
    expect(access.fresh()).toBeUndefined();
  });

  it('goes on with what it has while the owner is away, and leaves it alone between attempts', async () => {
    const { access, clock, owner } = await setUp();
    owner.away = true;
    clock.jump(10_000);
    await access.fresh();
    const asked = owner.asked;
    await access.fresh();
    expect(owner.asked).toBe(asked);
    expect(access.directory.project('p1')).toBeDefined();
  });

  it('trusts nobody when it is older than 30 s and the owner is away', async () => {
    const { access, clock, owner } = await setUp();
    owner.away = true;
    clock.jump(30_001);
    await expect(access.fresh()).rejects.toMatchObject({ code: 'access_unavailable', httpStatus: 503 });
    owner.away = false;
    clock.jump(501);
    await access.fresh();
    expect(access.fresh()).toBeUndefined();
  });

  it('makes a call wait for the data key of its project, once for all calls', async () => {
    const { access, owner } = await setUp();
    await Promise.all([access.recordable('p1'), access.recordable('p1')]);
    expect(access.sealingKey('p1').id).toBe('data');
    expect([access.recordable('p1'), owner.secretsAsked]).toEqual([undefined, 1]);
  });

  it('refuses a call whose project has no data key to be had', async () => {
    const { access, owner } = await setUp();
    owner.secretsAway = true;
    await expect(access.recordable('p1')).rejects.toMatchObject({ code: 'access_unavailable', httpStatus: 503 });
    owner.secretsAway = false;
    await access.recordable('p1');
  });

  it('asks for the key of a project that it has none for', async () => {
    const { access, owner } = await setUp();
    expect(() => access.sealingKey('p1')).toThrow(expect.objectContaining({ code: 'access_unavailable' }));
    await until(() => access.directory.sealingKey('p1') !== undefined);
    expect(access.sealingKey('p1').id).toBe('data');
    expect(owner.secretsAsked).toBe(1);
  });
});
