import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ManualClock, systemClock, systemIds } from '@sluice/clock';
import { silentLogger } from '@sluice/telemetry';
import fc from 'fast-check';
import type { Hold, Subject } from '../store.ts';
import { Line } from '../testing/line.ts';
import { TestRedis } from '../testing/test-redis.ts';
import { until } from '../testing/until.ts';
import { RedisStore } from './redis-store.ts';
import { TERMS } from './terms.ts';

const [BEAT_MS, LEASE_MS, ALONE_MS] = [1_000, 10_000, 15_000];
const [WINDOW_MS, DAY_MS] = [10_000, 86_400_000];
/** How often it is looked, a millisecond apart, before a try to come back has failed. */
const TRY_LOOKS = 50;
/** So many histories are played, however long it takes. */
const HISTORIES = 6;
const HISTORIES_LIMIT_MS = 120_000;

let redis: TestRedis;
// What it may lose is lost within seconds of the machine's time, which is not that of this test.
beforeAll(async () => void (redis = await TestRedis.start('always')));
afterAll(async () => redis[Symbol.asyncDispose]());

interface Member {
  readonly clock: ManualClock;
  readonly store: RedisStore;
  readonly line: Line;
  /** When it was heard last. */
  heardMs: number;
}

/** Some stores on one Redis, each on a line of its own, whose clocks go alike, and what they let in together. */
class Crowd {
  readonly members: Member[] = [];
  readonly who: Subject;
  readonly #taken: { readonly atMs: number; readonly amount: number }[] = [];
  readonly #held: Hold[] = [];
  #isUp = true;
  /** Whose places may be free while its calls run: nobody has been silent for the length of a lease while it held some. */
  #countsPlaces = true;

  constructor(limit: number, places: number, hasDay: boolean) {
    const window = { name: 'window', windowMs: WINDOW_MS, bucketMs: 100, limit, counts: 'takings' } as const;
    const day = { ...window, name: 'day', windowMs: DAY_MS, bucketMs: 60_000, limit: limit * 16 } as const;
    this.who = { id: 'who', windows: [window, { ...window, name: 'amounts', counts: 'amounts', limit: limit * 3 }, ...(hasDay ? [day] : [])], places };
  }

  static async of(count: number, limit: number, places: number, hasDay: boolean): Promise<Crowd> {
    await redis.resume();
    await redis.ask('FLUSHALL');
    const crowd = new Crowd(limit, places, hasDay);
    for (let at = 0; at < count; at++) {
      const clock = new ManualClock();
      clock.jump(5_000);
      const line = await Line.to(redis.url);
      const terms = { ...TERMS, answerLimitMs: 1e12, beatMs: BEAT_MS, leaseMs: LEASE_MS, aloneMs: ALONE_MS, patienceBeats: 0, nowMs: () => clock.wallMs() };
      const store = new RedisStore({ url: line.url, clock, ids: systemIds(clock), logger: silentLogger }, terms);
      await store.start();
      crowd.members.push({ clock, store, line, heardMs: clock.monotonicMs() });
    }
    for (let beat = 0; beat < 3; beat++) for (let at = 0; at < count; at++) await crowd.beat(at, BEAT_MS);
    expect(crowd.members.map(({ store }) => store.processes)).toEqual(crowd.members.map(() => count));
    return crowd;
  }

  pass(ms: number): void {
    for (const { clock } of this.members) clock.jump(ms);
    const isSilent = this.members.some(({ clock, heardMs }) => clock.monotonicMs() >= heardMs + LEASE_MS);
    this.#countsPlaces &&= !isSilent || this.#held.length === 0;
  }

  /** One gives a sign of life, if it can, and has its answer. */
  async beat(at: number, pauseMs: number): Promise<void> {
    this.pass(pauseMs);
    const member = this.#member(at);
    const { clock, store } = member;
    clock.advance(0);
    // The second sign of life that may follow goes out behind the answer of the first.
    for (let answers = 0; answers < 2; answers++) await store.member?.readTime().catch(() => undefined);
    if (store.member) member.heardMs = clock.monotonicMs();
  }

  async take(at: number, amount: number): Promise<boolean> {
    const { clock, store } = this.#member(at);
    const { hold } = await store.take([this.who], amount);
    if (!hold) return false;
    const nowMs = clock.monotonicMs();
    this.#taken.push({ atMs: nowMs, amount });
    this.#held.push(hold);
    for (const { windowMs, counts, limit } of this.who.windows) {
      const used = this.#taken.filter(({ atMs }) => atMs > nowMs - windowMs).reduce((sum, one) => sum + (counts === 'amounts' ? one.amount : 1), 0);
      expect(used).toBeLessThanOrEqual(limit);
    }
    if (this.#countsPlaces) expect(this.#held.length).toBeLessThanOrEqual(this.who.places!);
    return true;
  }

  end(at: number): void {
    this.#held.splice(at % (this.#held.length + 1), 1)[0]?.end(0);
  }

  /** The line is cut, or it is as soon as the next answer comes: what was asked is done, and nobody hears of it. */
  async cut(at: number, how: 'now' | 'at the next answer'): Promise<void> {
    const { store, line } = this.#member(at);
    if (how === 'at the next answer') return line.cutAtAnswer();
    line.cut();
    await until(() => store.health().status === 'degraded');
  }

  /** Not while one has come in of whom others have not heard: that is what the promise leaves out. What was used since they heard is in it. */
  async lose(memory: 'whole' | 'none'): Promise<void> {
    if (!this.members.every(({ store }) => store.processes > 0 && store.health().status === 'ok')) return;
    await (memory === 'whole' ? redis.kill() : redis.lose());
    this.#isUp = false;
    await until(() => this.members.every(({ store }) => store.health().status === 'degraded'));
  }

  async resume(): Promise<void> {
    await redis.resume();
    this.#isUp = true;
  }

  /** Its line is whole, and its next try is due. */
  async return(at: number): Promise<void> {
    const member = this.#member(at);
    const { clock, store, line } = member;
    line.mend();
    if (!this.#isUp) return;
    for (let tries = 0; store.health().status !== 'ok'; tries++) {
      if (tries % TRY_LOOKS === 0) this.pass(BEAT_MS);
      clock.advance(0);
      expect(tries).toBeLessThan(TRY_LOOKS * 100);
      await new Promise((resolve) => setTimeout(resolve, 1));
      member.heardMs = clock.monotonicMs();
    }
  }

  /** All are back, and have heard that nothing is used of the shorter windows. */
  async gather(): Promise<void> {
    await this.resume();
    for (const at of this.members.keys()) await this.return(at);
    for (const pauseMs of [LEASE_MS - BEAT_MS, 2 * BEAT_MS, BEAT_MS, BEAT_MS]) {
      this.pass(pauseMs);
      for (const at of this.members.keys()) await this.beat(at, 0);
    }
  }

  /** All are back, and everything that was let in and all that was kept for anybody has left. */
  async settle(): Promise<void> {
    await this.resume();
    for (let hold = this.#held.pop(); hold; hold = this.#held.pop()) hold.end(0);
    for (let passedMs = 0; passedMs < WINDOW_MS + ALONE_MS; passedMs += LEASE_MS - BEAT_MS) {
      this.pass(LEASE_MS - BEAT_MS);
      for (const at of this.members.keys()) await this.beat(at, 0);
      for (const at of this.members.keys()) await this.return(at);
    }
    for (let beat = 0; beat < 3; beat++) for (const at of this.members.keys()) await this.beat(at, BEAT_MS);
  }

  /** What fits into the shorter windows now, by taking it. */
  async room(at: number): Promise<number> {
    const who = { ...this.who, windows: this.who.windows.filter(({ windowMs }) => windowMs === WINDOW_MS), places: undefined };
    let taken = 0;
    while (taken < 100 && (await this.#member(at).store.take([who], 0)).hold) taken++;
    return taken;
  }

  async stop(): Promise<void> {
    await redis.resume();
    for (const { store, line } of this.members) {
      await store.stop();
      await line[Symbol.asyncDispose]();
    }
  }

  #member(at: number): Member {
    return this.members[at % this.members.length]!;
  }
}

const at = fc.nat({ max: 5 });
const act = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('take' as const), at, times: fc.constantFrom(1, 3, 100), amount: fc.integer({ min: 0, max: 6 }) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('end' as const), at: fc.nat({ max: 99 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(10, 150, 900, 4_000, 9_000, 11_000, 25_000) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('beat' as const), at, ms: fc.constantFrom(0, 300, BEAT_MS) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('cut' as const), at, how: fc.constantFrom('now' as const, 'at the next answer' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('return' as const), at }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('lose' as const), memory: fc.constantFrom('whole' as const, 'none' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('resume' as const) }) },
  // One takes all that it gets, and another one that has not heard of it is cut off; it comes back first, or is away for long.
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('surprise' as const), at, then: fc.constantFrom('returns' as const, 'stays away' as const), fault: fc.constantFrom('now' as const, 'at the next answer' as const, 'whole' as const, 'none' as const) }) },
);
type Act = typeof act extends fc.Arbitrary<infer One> ? One : never;

async function surprise(crowd: Crowd, { at: one, fault, then }: Extract<Act, { kind: 'surprise' }>): Promise<void> {
  const other = one + 1;
  await crowd.gather();
  while (await crowd.take(one, 0));
  if (fault === 'whole' || fault === 'none') await crowd.lose(fault);
  else await crowd.cut(other, fault);
  while (await crowd.take(other, 0));
  if (then === 'returns') {
    await crowd.resume();
    await crowd.return(other);
    while (await crowd.take(other, 0));
    return;
  }
  for (let beat = 0; beat < 5; beat++) await crowd.beat(one, LEASE_MS / 2);
  for (const at of [one, other, one]) while (await crowd.take(at, 0));
}

async function play(crowd: Crowd, step: Act): Promise<void> {
  if (step.kind === 'surprise') await surprise(crowd, step);
  else if (step.kind === 'take') for (let time = 0; time < step.times && (await crowd.take(step.at, step.amount)); time++);
  else if (step.kind === 'end') crowd.end(step.at);
  else if (step.kind === 'pass') crowd.pass(step.ms);
  else if (step.kind === 'beat') await crowd.beat(step.at, step.ms);
  else if (step.kind === 'cut') await crowd.cut(step.at, step.how);
  else if (step.kind === 'return') await crowd.return(step.at);
  else if (step.kind === 'lose') await crowd.lose(step.memory);
  else await crowd.resume();
}

it('several processes never let in more than a limit together, in any window, whoever is cut off and whatever Redis forgets', async () => {
  let played = 0;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 2, max: 3 }), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 80 }), fc.boolean(), fc.array(act, { minLength: 8, maxLength: 24, size: 'max' }), async (count, limit, places, hasDay, acts) => {
      const crowd = await Crowd.of(count, limit, places, hasDay);
      try {
        for (const step of acts) await play(crowd, step);
        await crowd.settle();
        // All of it is there again, but for what is kept for the others until they hear.
        expect(await crowd.room(0)).toBeGreaterThanOrEqual(Math.ceil(limit / 2));
        played++;
      } finally {
        await crowd.stop();
      }
    }),
    { numRuns: HISTORIES, endOnFailure: true },
  );
  expect(played).toBeGreaterThanOrEqual(HISTORIES);
}, HISTORIES_LIMIT_MS);

it('nor does it happen by the terms of production, at full speed, when Redis freezes, is killed and comes back with nothing', async () => {
  await redis.resume();
  await redis.ask('FLUSHALL');
  const stores = [0, 1].map(() => new RedisStore({ url: redis.url, clock: systemClock, ids: systemIds(systemClock), logger: silentLogger }, TERMS));
  // Longer than this test.
  const who: Subject = { id: 'who', windows: [{ name: 'hour', windowMs: 3_600_000, bucketMs: 1_000, limit: 3_000, counts: 'takings' }], places: undefined };
  let [taken, refused, isOver] = [0, 0, false];
  try {
    for (const store of stores) await store.start();
    await until(() => stores.every(({ processes }) => processes === 2));
    const callers = stores.flatMap((store) => Array.from({ length: 4 }, async () => {
      while (!isOver) {
        if ((await store.take([who], 0)).hold) taken++;
        else await new Promise((resolve) => setTimeout(resolve, 5, refused++));
      }
    }));
    for (const fault of [() => redis.freeze(), () => redis.kill(), () => redis.lose()]) {
      const before = [taken, refused] as const;
      await until(() => taken > before[0] + 100 || refused > before[1] + 100);
      await fault();
      await until(() => stores.every((store) => store.health().status === 'degraded'));
      await redis.resume();
      await until(() => stores.every(({ processes }) => processes === 2));
    }
    await until(() => taken >= 3_000);
    isOver = true;
    await Promise.all(callers);
    expect(taken).toBe(3_000);
  } finally {
    isOver = true;
    for (const store of stores) await store.stop();
  }
});
