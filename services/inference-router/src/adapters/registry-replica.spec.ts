import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import type { EventLog } from '@sluice/events';
import { ModelRegistryService } from '@sluice/proto/model_registry/v1/model_registry';
import { InProcessTransport } from '@sluice/rpc';
import { silentLogger } from '@sluice/telemetry';
import type { Deployment } from '../domain/deployment.ts';
import { settled } from '../testing/scripted-backend.ts';
import { RegistryOwner } from '../testing/registry-owner.ts';
import { CREDENTIAL_RETRY_MS, REREAD_LIMIT_MS, RegistryReplica } from './registry-replica.ts';

const STALE_MS = 1250;

describe('the copy of the registry, kept by events', () => {
  let owner: RegistryOwner;
  let clock: ManualClock;
  let replica: RegistryReplica;
  let active: Deployment[];
  const ids = (): string[] => active.map(({ id }) => id);
  beforeEach(() => {
    owner = new RegistryOwner();
    clock = new ManualClock();
    active = [];
    const transport = new InProcessTransport();
    transport.serve(ModelRegistryService, owner.service);
    replica = new RegistryReplica({
      owner: transport.connect(ModelRegistryService),
      events: owner.events as EventLog,
      clock,
      logger: silentLogger,
      onChange: (copy) => (active = copy.active()),
    });
  });
  afterEach(() => replica.stop());
  const started = async (): Promise<void> => {
    replica.start();
    await settled();
  };

  it('reads what is there and follows what changes, at once', async () => {
    owner.deploy('a', 'http://a/v1');
    await started();
    expect(ids()).toEqual(['dep_a']);
    owner.deploy('b', 'http://b/v1');
    expect(ids()).toEqual(['dep_a', 'dep_b']);
    owner.remove('dep_a');
    expect(ids()).toEqual(['dep_b']);
    expect([replica.knows('org_1', 'model_b'), owner.snapshots]).toEqual([true, 1]);
  });

  it('knows nothing until the owner answers, and tries until it does', async () => {
    owner.isAway = true;
    owner.deploy('a', 'http://a/v1');
    await started();
    expect(replica.health().status).toBe('down');
    expect(() => replica.knows('org_1', 'model_a')).toThrow(expect.objectContaining({ code: 'backend_unavailable' }) as never);
    owner.isAway = false;
    clock.advance(STALE_MS);
    await settled();
    expect([replica.health().status, ids()]).toEqual(['ok', ['dep_a']]);
  });

  it('reads a credential from a snapshot before it lets calls on its deployment', async () => {
    await started();
    owner.deploy('a', 'http://a/v1', { token: 'secret' });
    expect(ids()).toEqual([]);
    await settled();
    expect(active).toMatchObject([{ id: 'dep_a', credential: 'secret' }]);
  });

  it('tries until it has the credential, and holds the deployment back until then', async () => {
    await started();
    owner.isAway = true;
    owner.deploy('a', 'http://a/v1', { token: 'secret' });
    await settled();
    expect(ids()).toEqual([]);
    owner.isAway = false;
    clock.advance(CREDENTIAL_RETRY_MS);
    await settled();
    expect(active).toMatchObject([{ id: 'dep_a', credential: 'secret' }]);
  });

  it('reads again at a gap', async () => {
    await started();
    owner.losesEvents = true;
    owner.deploy('a', 'http://a/v1');
    owner.losesEvents = false;
    owner.deploy('b', 'http://b/v1');
    await settled();
    expect(ids()).toEqual(['dep_a', 'dep_b']);
  });

  it('reads again when it is asked to, and lets nobody wait for an owner that is away', async () => {
    await started();
    owner.losesEvents = true;
    owner.deploy('a', 'http://a/v1');
    await replica.reread();
    expect([replica.knows('org_1', 'model_a'), ids()]).toEqual([true, ['dep_a']]);
    owner.isAway = true;
    const waited = replica.reread();
    await settled();
    clock.advance(REREAD_LIMIT_MS);
    await waited;
  });

  it('reads again when it hears that events were lost, though none follows', async () => {
    await started();
    owner.losesEvents = true;
    owner.deploy('a', 'http://a/v1');
    for (let beat = 0; beat < 4; beat++) {
      clock.advance(STALE_MS / 4);
      owner.beat();
    }
    await settled();
    expect(ids()).toEqual(['dep_a']);
  });

  it('asks nothing while beats come', async () => {
    await started();
    for (let beat = 0; beat < 40; beat++) {
      clock.advance(STALE_MS / 4);
      owner.beat();
    }
    await settled();
    expect([owner.snapshots, replica.health().status]).toEqual([1, 'ok']);
  });

  it('keeps the last copy when the owner is away, however old, and says how old', async () => {
    owner.deploy('a', 'http://a/v1');
    await started();
    owner.isAway = true;
    clock.advance(3_600_000);
    await settled();
    expect([replica.knows('org_1', 'model_a'), ids()]).toEqual([true, ['dep_a']]);
    expect(replica.health()).toEqual({ status: 'degraded', detail: 'the copy of the registry is 3600000 ms old' });
  });

  it('hears nothing more when stopped', async () => {
    await started();
    await replica.stop();
    owner.deploy('a', 'http://a/v1');
    clock.advance(10 * STALE_MS);
    await settled();
    expect([ids(), owner.snapshots]).toEqual([[], 1]);
  });
});
