import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import {
  DeploymentState, type Alias, type Deployment, type GetSnapshotResponse, type Model, type Version,
} from '@sluice/proto/model_registry/v1/model_registry';
import { RegistryChangedSchema, type RegistryChanged } from '@sluice/proto/events/v1/changes';
import fc from 'fast-check';
import { House, servePeople, type Running } from './testing/house.ts';

/** What a reader of registry.changed holds, by the rules of the README. */
class Replica {
  readonly models = new Map<string, Model>();
  readonly versions = new Map<string, Version>();
  readonly deployments = new Map<string, Deployment>();
  readonly aliases = new Map<string, Alias>();

  constructor(snapshot: GetSnapshotResponse) {
    this.#put(snapshot);
  }

  apply(change: RegistryChanged): void {
    this.#put(change);
    for (const name of change.removedAliasNames) this.aliases.delete(`${change.organisationId} ${name}`);
    for (const id of change.removedModelIds) {
      this.models.delete(id);
      for (const version of this.versions.values()) if (version.modelId === id) this.versions.delete(version.id);
    }
  }

  /** As a snapshot lists it. */
  content() {
    const sorted = <T>(map: ReadonlyMap<string, T>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
    return { models: sorted(this.models), versions: sorted(this.versions), deployments: sorted(this.deployments), aliases: sorted(this.aliases) };
  }

  #put({ models, versions, deployments, aliases }: Pick<GetSnapshotResponse, 'models' | 'versions' | 'deployments' | 'aliases'>): void {
    for (const model of models) this.models.set(model.id, model);
    for (const version of versions) this.versions.set(version.id, version);
    for (const deployment of deployments) {
      if (deployment.state === DeploymentState.REMOVED) this.deployments.delete(deployment.id);
      else this.deployments.set(deployment.id, deployment);
    }
    for (const alias of aliases) this.aliases.set(`${alias.organisationId} ${alias.name}`, alias);
  }
}

const name = fc.constantFrom('a', 'b', 'c');
const organisation = fc.constantFrom('org', 'other');
const step = fc.oneof(
  fc.record({ do: fc.constant('add' as const), organisation, name, host: fc.constantFrom('one', 'two'), credential: fc.constantFrom('', 'tok-1', 'tok-2') }),
  fc.record({ do: fc.constant('add file' as const), organisation, name, folder: fc.constantFrom('one', 'two') }),
  fc.record({ do: fc.constant('remove' as const), organisation, name }),
  fc.record({ do: fc.constant('alias' as const), organisation, name, target: name }),
  fc.record({ do: fc.constant('forget alias' as const), organisation, name }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

describe('a replica of the registry', () => {
  let house: House;
  let running: Running;
  beforeEach(async () => {
    house = await House.build();
    running = await house.start();
    servePeople(running);
  });
  afterEach(async () => { await house[Symbol.asyncDispose](); });

  function take(step: Step): Promise<unknown> {
    const actor = { organisationId: step.organisation, keyId: step.organisation === 'org' ? 'owner' : 'their owner' };
    const { registry } = running;
    switch (step.do) {
      case 'add':
        return registry.addModel({ actor, name: step.name, source: { case: 'openai', value: { baseUrl: `http://${step.host}/v1`, credential: step.credential } } });
      case 'add file':
        return registry.addModel({ actor, name: step.name, source: { case: 'gguf', value: { path: `/${step.folder}/m.gguf`, digest: `sha256:${'0'.repeat(64)}` } } });
      case 'remove':
        return registry.removeModel({ actor, name: step.name });
      case 'alias':
        return registry.setAlias({ actor, alias: step.name, modelName: step.target });
      case 'forget alias':
        return registry.removeAlias({ actor, alias: step.name });
    }
  }

  /** Refusals are part of life: a name that is taken, or gone. */
  async function takeOrBeRefused(step: Step): Promise<void> {
    await take(step).catch((error: unknown) => {
      if (!(error instanceof ServiceError) || !['already_exists', 'failed_precondition', 'model_not_found', 'not_found'].includes(error.code)) throw error;
    });
  }

  it('equals the snapshot of any moment: fed by the events up to it, and from it by the events behind it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), fc.array(step, { minLength: 1, maxLength: 8 }), async (before, during) => {
        const first = await running.snapshot();
        const records: { position: bigint; message: RegistryChanged }[] = [];
        const reader = house.events.follow(RegistryChangedSchema, first.position, { onRecord: (record) => void records.push(record), onBeat: () => undefined });
        for (const one of before) await takeOrBeRefused(one);
        // The snapshots race with acts that run side by side.
        const acts = during.map(takeOrBeRefused);
        const middle = [await running.snapshot(), await running.snapshot()];
        await Promise.all(acts);
        await reader.caughtUp();
        await reader.stop();
        const last = await running.snapshot();
        const replay = (from: GetSnapshotResponse, to: GetSnapshotResponse) => {
          const replica = new Replica(from);
          for (const { position, message } of records) if (position > from.position && position <= to.position) replica.apply(message);
          return replica.content();
        };
        for (const [from, to] of [[first, middle[0]!], [middle[0]!, middle[1]!], [middle[1]!, last], [first, last]] as const) {
          const { models, versions, deployments, aliases } = to;
          expect(replay(from, to)).toEqual({ models, versions, deployments, aliases });
        }
        expect(last.credentials.map(({ deploymentId }) => deploymentId)).toEqual(last.deployments.filter(({ hasCredential }) => hasCredential).map(({ id }) => id));
      }),
      { numRuns: 20 },
    );
  }, 60_000);

  it('never sees a name that means two things', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 15 }), async (steps) => {
        await Promise.all(steps.map(takeOrBeRefused));
        const { models, aliases } = await running.snapshot();
        const named = [...models, ...aliases].map(({ organisationId, name: own }) => `${organisationId} ${own}`);
        expect(new Set(named).size).toBe(named.length);
        const ids = new Set(models.map(({ id }) => id));
        expect(aliases.filter(({ modelId }) => !ids.has(modelId))).toEqual([]);
      }),
      { numRuns: 20 },
    );
  }, 60_000);

  it('hears of a removed model within a second, in one event with all that goes with it', async () => {
    const actor = { keyId: 'owner', organisationId: 'org' };
    const { model } = await running.registry.addModel({ actor, name: 'a', source: { case: 'openai', value: { baseUrl: 'http://one/v1' } } });
    await running.registry.setAlias({ actor, alias: 'b', modelName: 'a' });
    const { position } = await running.snapshot();
    let heard = (_message: RegistryChanged): void => undefined;
    const change = new Promise<RegistryChanged>((resolve) => (heard = resolve));
    const reader = house.events.follow(RegistryChangedSchema, position, { onRecord: ({ message }) => heard(message), onBeat: () => undefined });
    await reader.caughtUp();
    const askedAtMs = performance.now();
    await running.registry.removeModel({ actor, name: 'a' });
    expect(await change).toMatchObject({ deployments: [{ state: DeploymentState.REMOVED }], removedModelIds: [model!.id], removedAliasNames: ['b'] });
    expect(performance.now() - askedAtMs).toBeLessThan(1000);
    await reader.stop();
  });

  it('hears beats with the head of the topic while the registry runs', async () => {
    const heads = new Promise<bigint>((resolve) => {
      const reader = house.events.follow(RegistryChangedSchema, 0n, { onRecord: () => undefined, onBeat: resolve });
      void reader.caughtUp().then(() => house.clock.advance(250));
    });
    expect(await heads).toBe(0n);
  });
});
