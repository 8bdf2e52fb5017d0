import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ManualClock, systemIds } from '@sluice/clock';
import { silentLogger } from '@sluice/telemetry';
import fc from 'fast-check';
import type { Hold, Subject } from '../store.ts';
import { TestRedis } from '../testing/test-redis.ts';
import { until } from '../testing/until.ts';
import { RedisStore } from './redis-store.ts';

const BEAT_MS = 1_000;
const WINDOW_MS = 10_000;
const MANY_YEARS_MS = 1e12;
/** Time is the test's, so nothing is late, and nobody lapses. */
const TERMS = { answerLimitMs: MANY_YEARS_MS, beatMs: BEAT_MS, leaseMs: MANY_YEARS_MS, holdBackMs: 60_000 };

let redis: TestRedis;
// What it may lose is lost within seconds of the machine's time, which is not that of this test.
beforeAll(async () => void (redis = await TestRedis.start('always')));
afterAll(async () => redis[Symbol.asyncDispose]());

interface Member {
  readonly clock: ManualClock;
  readonly store: RedisStore;
}

/** Some stores on one Redis, whose clocks go alike, and what they let in together. */
class Crowd {
  readonly members: Member[] = [];
  readonly who: Subject;
  readonly #takenAtMs: number[] = [];
  readonly #held: Hold[] = [];

  constructor(limit: number, places: number) {
    this.who = { id: 'who', windows: [{ name: 'window', windowMs: WINDOW_MS, bucketMs: 100, limit, counts: 'takings' }], places };
  }

  static async of(count: number, limit: number, places: number): Promise<Crowd> {
    await redis.resume();
    await redis.ask('FLUSHALL');
    const crowd = new Crowd(limit, places);
    for (let at = 0; at < count; at++) {
      const clock = new ManualClock();
      clock.jump(5_000);
      const store = new RedisStore({ url: redis.url, clock, ids: systemIds(clock), logger: silentLogger }, { ...TERMS, nowMs: () => clock.wallMs() });
      crowd.members.push({ clock, store });
      await store.start();
    }
    await crowd.beat();
    await crowd.beat();
    expect(crowd.members.map(({ store }) => store.processes)).toEqual(crowd.members.map(() => count));
    return crowd;
  }

  pass(ms: number): void {
    for (const { clock } of this.members) clock.jump(ms);
  }

  /** Everybody gives a sign of life, and has its answer. */
  async beat(): Promise<void> {
    this.pass(BEAT_MS);
    for (const { clock, store } of this.members) {
      clock.advance(0);
      await store.member?.readTime();
    }
  }

  async take(at: number): Promise<boolean> {
    const { clock, store } = this.members[at % this.members.length]!;
    const { hold } = await store.take([this.who], 0);
    if (!hold) return false;
    const nowMs = clock.monotonicMs();
    this.#takenAtMs.push(nowMs);
    this.#held.push(hold);
    expect(this.#takenAtMs.filter((atMs) => atMs > nowMs - WINDOW_MS).length).toBeLessThanOrEqual(this.who.windows[0]!.limit);
    expect(this.#held.length).toBeLessThanOrEqual(this.who.places!);
    return true;
  }

  end(at: number): void {
    this.#held.splice(at % (this.#held.length + 1), 1)[0]?.end(0);
  }

  /** Resolves when all know of it. */
  async endAll(): Promise<void> {
    for (const hold of this.#held.splice(0)) hold.end(0);
    await Promise.all(this.members.map(({ store }) => store.member?.readTime()));
  }

  async lose(): Promise<void> {
    await redis.kill();
    await until(() => this.members.every(({ store }) => store.health().status === 'degraded'));
  }

  /** The next try of this one is due. */
  async return(at: number): Promise<void> {
    const { clock, store } = this.members[at]!;
    await until(() => {
      clock.advance(0);
      return store.health().status === 'ok';
    });
  }

  async stop(): Promise<void> {
    await redis.resume();
    for (const { store } of this.members) await store.stop();
  }
}

const act = fc.record({ at: fc.nat({ max: 5 }), pauseMs: fc.constantFrom(0, 0, 0, 10, 150, 900, 4_000), ends: fc.nat({ max: 9 }) });
const acts = fc.array(act, { maxLength: 14 });
type Acts = readonly { readonly at: number; readonly pauseMs: number; readonly ends: number }[];

async function play(crowd: Crowd, steps: Acts): Promise<void> {
  for (const { at, pauseMs, ends } of steps) {
    crowd.pass(pauseMs);
    await crowd.take(at);
    if (ends < 5) crowd.end(ends);
  }
}

it('several processes never let in more than a limit together, in any window, while Redis goes away and comes back, whoever comes back first', async () => {
  const outage = fc.record({ before: acts, during: acts, between: acts, order: fc.shuffledSubarray([0, 1, 2], { minLength: 3 }) });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 2, max: 3 }), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 6 }), fc.array(outage, { minLength: 1, maxLength: 2 }), async (count, limit, places, outages) => {
      const crowd = await Crowd.of(count, limit, places);
      try {
        for (const { before, during, between, order } of outages) {
          await play(crowd, before);
          // What one takes in the last second before the others hear of it is what the promise leaves out.
          await crowd.beat();
          await crowd.lose();
          await play(crowd, during);
          await redis.resume();
          crowd.pass(BEAT_MS);
          for (const at of order.filter((member) => member < count)) {
            await crowd.return(at);
            await play(crowd, between);
          }
        }
        await crowd.beat();
        await crowd.endAll();
        crowd.pass(WINDOW_MS);
        // All of it is there again, for anybody.
        for (let taken = 0; taken < limit; taken++) {
          expect(await crowd.take(taken)).toBe(true);
          await crowd.endAll();
        }
        expect(await crowd.take(0)).toBe(false);
      } finally {
        await crowd.stop();
      }
    }),
    { numRuns: 12, interruptAfterTimeLimit: 8_000, markInterruptAsFailure: false },
  );
});
