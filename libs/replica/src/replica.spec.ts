import { setImmediate as nextTurn } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { EventLog, Follower } from '@sluice/events';
import { AccessChangedSchema } from '@sluice/proto/events/v1/changes';
import { silentLogger, type Logger } from '@sluice/telemetry';
import fc from 'fast-check';
import { Replica, STALE_AFTER_MS, type Snapshot } from './index.ts';

type State = string[];

/** An owner whose state is the list of all that it published, and whose events the test delivers as it likes. */
class Owner {
  readonly published: string[] = [];
  reachable = true;
  loads = 0;
  /** While it is slow, an answer is made when it is asked for and given when the test says so. */
  isSlow = false;
  #held: (() => void)[] = [];
  follower: Follower<typeof AccessChangedSchema> | undefined;
  followedFrom: bigint | undefined;

  readonly events: Pick<EventLog, 'follow'> = {
    follow: (_schema, after, follower) => {
      this.follower = follower as never;
      this.followedFrom = after;
      return { stop: async () => void (this.follower = undefined), caughtUp: async () => undefined, lag: () => 0 };
    },
  };

  async load(): Promise<Snapshot<State>> {
    this.loads++;
    if (!this.reachable) throw new ServiceError('backend_unavailable', 'away');
    const snapshot = { position: BigInt(this.published.length), state: [...this.published] };
    if (this.isSlow) await new Promise<void>((resolve) => void this.#held.push(resolve));
    else await nextTurn();
    return snapshot;
  }

  /** Gives the answers that were held back. */
  answer(): void {
    for (const give of this.#held.splice(0)) give();
  }

  publish(): void {
    this.published.push(`item-${this.published.length + 1}`);
  }

  deliver(position: number): void {
    const message = create(AccessChangedSchema, { organisationId: this.published[position - 1]! });
    this.follower?.onRecord({ position: BigInt(position), key: 'k', message });
  }

  beat(position = this.published.length): void {
    this.follower?.onBeat(BigInt(position));
  }
}

function copyOf(owner: Owner, options: { poison?: string; logger?: Logger } = {}) {
  const clock = new ManualClock();
  const replica = new Replica<State, typeof AccessChangedSchema>({
    name: 'access', events: owner.events, schema: AccessChangedSchema, clock, logger: options.logger ?? silentLogger,
    load: () => owner.load(),
    apply: (state, { message }) => {
      if (message.organisationId === options.poison) throw new Error('cannot be applied');
      // Changed in place, as the directories of the services are: a record that is applied twice shows.
      state.push(message.organisationId);
      return state;
    },
  });
  const settle = async (ms = 0) => {
    clock.advance(ms);
    for (let turn = 0; turn < 4; turn++) await nextTurn();
  };
  return { clock, replica, settle };
}

describe('a replica', () => {
  it('loads, then follows from there, in order', async () => {
    const owner = new Owner();
    owner.publish();
    const { replica, settle } = copyOf(owner);
    expect(replica.health().status).toBe('down');
    replica.start();
    await replica.ready();
    expect(owner.followedFrom).toBe(1n);
    owner.publish();
    await settle();
    owner.deliver(2);
    expect([replica.state, replica.position, owner.loads]).toEqual([['item-1', 'item-2'], 2n, 1]);
  });

  it('reads the owner again when a record is missing, and takes none twice', async () => {
    const owner = new Owner();
    const { replica, settle } = copyOf(owner);
    replica.start();
    await settle();
    for (let count = 0; count < 4; count++) owner.publish();
    owner.deliver(1);
    owner.deliver(1);
    owner.deliver(4);
    await settle();
    expect([replica.state, owner.loads]).toEqual([owner.published, 2]);
    owner.deliver(3);
    expect(replica.position).toBe(4n);
  });

  it('reads the owner when it is asked to', async () => {
    const owner = new Owner();
    const { replica } = copyOf(owner);
    replica.start();
    await replica.ready();
    owner.publish();
    await replica.refresh();
    expect(replica.state).toEqual(owner.published);
    await replica.stop();
  });

  it('reads the owner again past a record that it cannot apply', async () => {
    const owner = new Owner();
    const { replica, settle } = copyOf(owner, { poison: 'item-2' });
    replica.start();
    await settle();
    for (let position = 1; position <= 3; position++) {
      owner.publish();
      owner.deliver(position);
    }
    await settle();
    expect(replica.state).toEqual(owner.published);
  });

  it('notices by the beats that the last records never came', async () => {
    const owner = new Owner();
    const { replica, settle } = copyOf(owner);
    replica.start();
    await settle();
    owner.publish();
    owner.beat();
    await settle();
    expect(owner.loads).toBe(1);
    owner.beat();
    await settle();
    expect([replica.position, owner.loads]).toEqual([1n, 2]);
  });

  it('says how old it is, and is degraded above one second', async () => {
    const owner = new Owner();
    const { clock, replica, settle } = copyOf(owner);
    expect(replica.ageMs()).toBe(Infinity);
    replica.start();
    await settle();
    expect(replica.ageMs()).toBe(0);
    owner.reachable = false;
    clock.jump(STALE_AFTER_MS);
    expect(replica.health()).toEqual({ status: 'ok' });
    clock.jump(1);
    expect(replica.health()).toMatchObject({ status: 'degraded', detail: expect.stringContaining('1001 ms') });
    owner.beat();
    expect(replica.ageMs()).toBe(0);
  });

  it('keeps what it has while the owner is away, asks with pauses, and comes back by itself', async () => {
    const owner = new Owner();
    owner.publish();
    const { replica, settle } = copyOf(owner);
    replica.start();
    await settle();
    owner.reachable = false;
    for (let second = 0; second < 60; second++) await settle(1_000);
    expect(replica.state).toEqual(['item-1']);
    expect(owner.loads).toBeLessThan(40);
    owner.publish();
    owner.reachable = true;
    for (let second = 0; second < 5; second++) await settle(1_000);
    expect([replica.state, replica.health().status]).toEqual([owner.published, 'ok']);
  });

  it('says once that the owner is away, and once that it is not any more, each time', async () => {
    const owner = new Owner();
    const loud: [message: string, replica: unknown][] = [];
    let quiet = 0;
    const logger = { ...silentLogger, warn: ({ replica: name }: object & { replica?: unknown }, message: string) => void loud.push([message, name]), debug: (_fields: object, message: string) => void (quiet += Number(message === 'the owner could not be read')) } as Logger;
    const { replica, settle } = copyOf(owner, { logger });
    replica.start();
    await settle();
    for (let round = 1; round <= 2; round++) {
      owner.reachable = false;
      for (let second = 0; second < 30; second++) await settle(1_000);
      expect(loud).toHaveLength(2 * round - 1);
      owner.reachable = true;
      for (let second = 0; second < 5; second++) await settle(1_000);
      expect(loud.slice(-2)).toEqual([['the owner could not be read', 'access'], ['the owner can be read again', 'access']]);
      expect(loud).toHaveLength(2 * round);
    }
    expect(quiet).toBeGreaterThan(10);
    await replica.stop();
  });

  it('applies what continues it also while the owner is slow to answer, and says how old it is by the beats it hears', async () => {
    const owner = new Owner();
    owner.publish();
    const { replica, settle } = copyOf(owner);
    replica.start();
    await settle();
    owner.isSlow = true;
    await settle(STALE_AFTER_MS + 250);
    expect([owner.loads, replica.health().status]).toEqual([2, 'degraded']);
    owner.publish();
    owner.deliver(2);
    expect([replica.state, replica.health().status]).toEqual([owner.published, 'degraded']);
    await settle(250);
    owner.beat();
    expect([owner.loads, replica.ageMs()]).toEqual([2, 0]);
    await settle(500);
    // The answer that was made before the record: the copy has all of it, and is no older than it was.
    owner.isSlow = false;
    owner.answer();
    await settle();
    expect([replica.state, replica.position, replica.ageMs(), owner.loads]).toEqual([owner.published, 2n, 500, 2]);
    await replica.stop();
  });

  it('is as old as its question when records overtook the answer and no beat came', async () => {
    const owner = new Owner();
    const { replica, settle } = copyOf(owner);
    replica.start();
    await settle();
    owner.isSlow = true;
    const refreshed = replica.refresh();
    await settle();
    await settle(700);
    owner.publish();
    owner.deliver(1);
    expect(replica.ageMs()).toBe(700);
    owner.answer();
    await refreshed;
    expect([replica.state, replica.ageMs(), owner.loads]).toEqual([['item-1'], 700, 2]);
    await replica.stop();
  });

  it('hears of a gap by the beats also when its read was asked for before the records were lost', async () => {
    const owner = new Owner();
    const { replica, settle } = copyOf(owner);
    replica.start();
    await settle();
    owner.isSlow = true;
    const refreshed = replica.refresh();
    await settle();
    owner.publish();
    owner.beat();
    expect(replica.position).toBe(0n);
    owner.isSlow = false;
    owner.answer();
    await refreshed;
    expect([replica.position, owner.loads]).toEqual([0n, 2]);
    owner.beat();
    await settle();
    expect([replica.position, owner.loads]).toEqual([1n, 3]);
    await replica.stop();
  });

  it('takes no answer that is older than what it had when it asked', async () => {
    const owner = new Owner();
    const { replica, settle } = copyOf(owner);
    replica.start();
    await settle();
    owner.publish();
    owner.deliver(1);
    const [newest] = owner.published.splice(0);
    const refreshed = replica.refresh();
    await settle();
    expect([replica.state, owner.loads]).toEqual([[newest], 2]);
    owner.published.push(newest!);
    await settle(100);
    await refreshed;
    expect([replica.state, owner.loads]).toEqual([[newest], 3]);
    await replica.stop();
  });

  it('starts while the owner is away, and waits no longer than a load may take', async () => {
    const owner = new Owner();
    owner.reachable = false;
    const { replica, settle } = copyOf(owner);
    replica.start();
    for (let second = 0; second < 10; second++) await settle(1_000);
    expect(replica.state).toBeUndefined();
    owner.reachable = true;
    for (let second = 0; second < 3; second++) await settle(1_000);
    await replica.ready();
    expect(replica.health().status).toBe('ok');
  });

  it('abandons a load that does not answer, and tells it', async () => {
    const clock = new ManualClock();
    const signals: AbortSignal[] = [];
    const owner = new Owner();
    const replica = new Replica<State, typeof AccessChangedSchema>({
      name: 'access', events: owner.events, schema: AccessChangedSchema, clock, logger: silentLogger, apply: (state) => state,
      load: (signal) => new Promise(() => void signals.push(signal)),
    });
    replica.start();
    clock.advance(10_000);
    for (let turn = 0; turn < 4; turn++) await nextTurn();
    clock.advance(100);
    for (let turn = 0; turn < 4; turn++) await nextTurn();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    await replica.stop();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
    await expect(replica.ready()).rejects.toMatchObject({ code: 'draining' });
  });

  it('hears nothing more after it was stopped', async () => {
    const owner = new Owner();
    const { replica, settle } = copyOf(owner);
    replica.start();
    await settle();
    const follower = owner.follower!;
    await replica.stop();
    owner.publish();
    follower.onRecord({ position: 1n, key: 'k', message: create(AccessChangedSchema, { organisationId: 'x' }) });
    await settle(60_000);
    expect([replica.position, owner.loads, owner.follower]).toEqual([0n, 1, undefined]);
  });
});

describe('any interleaving of events, losses, beats and re-reads', () => {
  type Step = 'publish' | 'deliver' | 'catch up' | 'lose' | 'again' | 'beat' | 'old beat' | 'settle' | 'moment' | 'second' | 'away' | 'back' | 'ask' | 'answer';
  const step = fc.constantFrom<Step>('publish', 'publish', 'publish', 'deliver', 'deliver', 'catch up', 'catch up', 'lose', 'again', 'beat', 'old beat', 'settle', 'moment', 'second', 'away', 'back', 'ask', 'ask', 'answer');

  it('ends equal to the owner, never goes back, applies no record twice and is never older than it says', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), fc.option(fc.integer({ min: 1, max: 10 })), async (script, poison) => {
        const owner = new Owner();
        const { clock, replica, settle } = copyOf(owner, poison === null ? {} : { poison: `item-${poison}` });
        replica.start();
        let next = 0;
        let last = 0n;
        const publishedAtMs: number[] = [];
        for (const now of script) {
          if (owner.followedFrom !== undefined && next === 0) next = Number(owner.followedFrom);
          if (now === 'publish') {
            owner.publish();
            publishedAtMs.push(clock.monotonicMs());
          } else if (now === 'deliver' && owner.follower && next < owner.published.length) owner.deliver(++next);
          else if (now === 'catch up' && owner.follower) while (next < owner.published.length) owner.deliver(++next);
          else if (now === 'lose' && owner.follower && next < owner.published.length) next++;
          else if (now === 'again' && owner.follower && next > 0) owner.deliver(next);
          else if (now === 'beat') owner.beat();
          else if (now === 'old beat' && owner.published.length > 0) {
            // A beat from before the last record, which therefore counts as published now.
            owner.beat(owner.published.length - 1);
            publishedAtMs[publishedAtMs.length - 1] = clock.monotonicMs();
          }
          else if (now === 'settle') await settle();
          else if (now === 'moment') await settle(100);
          else if (now === 'second') await settle(1_000);
          else if (now === 'ask') {
            owner.isSlow = true;
            void replica.refresh();
            await settle();
          } else if (now === 'answer') {
            owner.isSlow = false;
            owner.answer();
            await settle();
          } else if (now === 'away' || now === 'back') owner.reachable = now === 'back';
          expect(replica.position >= last).toBe(true);
          expect(replica.state ?? []).toEqual(owner.published.slice(0, Number(replica.position)));
          last = replica.position;
          // Whatever was published before the moment up to which it says to know everything is in the copy.
          const knowsUntilMs = clock.monotonicMs() - replica.ageMs();
          expect(publishedAtMs.filter((atMs) => atMs < knowsUntilMs).length).toBeLessThanOrEqual(Number(replica.position));
        }
        owner.reachable = true;
        owner.isSlow = false;
        owner.answer();
        for (let beat = 0; beat < 12; beat++) {
          await settle(500);
          owner.beat();
        }
        expect(replica.state).toEqual(owner.published);
        expect(replica.health().status).toBe('ok');
        await replica.stop();
      }),
      { numRuns: 200 },
    );
  });
});
