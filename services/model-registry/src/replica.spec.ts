import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ServiceError, type Code } from '@sluice/errors';
import {
  DeploymentState, type Alias, type Deployment, type GetSnapshotResponse, type Model, type Version,
} from '@sluice/proto/model_registry/v1/model_registry';
import { RegistryChangedSchema, type RegistryChanged } from '@sluice/proto/events/v1/changes';
import type { Platform } from '@sluice/platform';
import { ownerContract } from '@sluice/replica/testing';
import fc from 'fast-check';
import { House, type Running } from './testing/house.ts';

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
    const deployments = sorted(this.deployments);
    return { models: sorted(this.models), versions: sorted(this.versions), deployments, aliases: sorted(this.aliases), credentialsOf: deployments.filter(({ hasCredential }) => hasCredential).map(({ id }) => id) };
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

/** A name that is taken, or gone. */
const REFUSALS: readonly Code[] = ['already_exists', 'failed_precondition', 'model_not_found', 'not_found'];

describe('a replica of the registry', () => {
  let house: House;
  let running: Running;
  beforeEach(async () => {
    house = await House.build();
    running = await house.start();
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


  const owner = () => ({
    events: house.events,
    clock: house.clock,
    schema: RegistryChangedSchema,
    snapshot: () => running.registry.getSnapshot({}),
    take,
    start: (parts: Partial<Platform>) => house.start(parts),
    replay: (from: GetSnapshotResponse, heard: readonly RegistryChanged[]) => {
      const replica = new Replica(from);
      for (const change of heard) replica.apply(change);
      return replica.content();
    },
    contentOf: ({ models, versions, deployments, aliases, credentials }: GetSnapshotResponse) =>
      ({ models, versions, deployments, aliases, credentialsOf: credentials.map(({ deploymentId }) => deploymentId) }),
  });
  ownerContract(owner, { step, refusals: REFUSALS, runs: 20 });

  it('never sees a name that means two things', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 15 }), async (steps) => {
        const outcomes = await Promise.allSettled(steps.map(take));
        const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
        expect(failures.filter((thrown) => !(thrown instanceof ServiceError) || !REFUSALS.includes(thrown.code))).toEqual([]);
        const { models, aliases } = await running.registry.getSnapshot({});
        const named = [...models, ...aliases].map(({ organisationId, name: own }) => `${organisationId} ${own}`);
        expect(new Set(named).size).toBe(named.length);
        const ids = new Set(models.map(({ id }) => id));
        expect(aliases.filter(({ modelId }) => !ids.has(modelId))).toEqual([]);
      }),
      { numRuns: 20 },
    );
  }, 240_000);

  it('hears of a removed model within a second, in one event with all that goes with it', async () => {
    // A machine that stands still for a moment can break the promise once; a fault breaks it every time.
    let shortestMs = Infinity;
    for (let removal = 0; removal < 3 && shortestMs >= 1000; removal++) shortestMs = Math.min(shortestMs, await msUntilHeard());
    expect(shortestMs).toBeLessThan(1000);
  });

  /** Removes a model with its alias; gives how long it took until a reader had heard of it. */
  async function msUntilHeard(): Promise<number> {
    const actor = { keyId: 'owner', organisationId: 'org' };
    const { model } = await running.registry.addModel({ actor, name: 'a', source: { case: 'openai', value: { baseUrl: 'http://one/v1' } } });
    await running.registry.setAlias({ actor, alias: 'b', modelName: 'a' });
    const { position } = await running.registry.getSnapshot({});
    let heard = (_message: RegistryChanged): void => undefined;
    const change = new Promise<RegistryChanged>((resolve) => (heard = resolve));
    const reader = house.events.follow(RegistryChangedSchema, position, { onRecord: ({ message }) => heard(message), onBeat: () => undefined });
    await reader.caughtUp();
    const askedAtMs = performance.now();
    await running.registry.removeModel({ actor, name: 'a' });
    expect(await change).toMatchObject({ deployments: [{ state: DeploymentState.REMOVED }], removedModelIds: [model!.id], removedAliasNames: ['b'] });
    const tookMs = performance.now() - askedAtMs;
    await reader.stop();
    return tookMs;
  }
});
