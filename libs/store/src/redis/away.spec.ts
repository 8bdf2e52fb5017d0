import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock, systemIds } from '@sluice/clock';
import { silentLogger } from '@sluice/telemetry';
import type { Hold, Subject, Taking, WindowLimit } from '../store.ts';
import { Line } from '../testing/line.ts';
import { TestRedis } from '../testing/test-redis.ts';
import { until } from '../testing/until.ts';
import { KEYS, windowKey } from './keys.ts';
import { RedisStore } from './redis-store.ts';

/** Patient, because a machine of tests may be slow to answer; short in the rest, so that a test need not wait. */
const TERMS = { answerLimitMs: 1_000, beatMs: 50, leaseMs: 20_000, aloneMs: 60_000, patienceBeats: 8, nowMs: undefined };
const minute: WindowLimit = { name: 'minute', windowMs: 60_000, bucketMs: 100, limit: 80, counts: 'takings' };
const tokens: WindowLimit = { name: 'tokens', windowMs: 60_000, bucketMs: 100, limit: 1_000, counts: 'amounts' };

let redis: TestRedis;
let stores: RedisStore[] = [];
let warned: string[] = [];
let made = 0;
beforeAll(async () => void (redis = await TestRedis.start()));
afterAll(async () => redis[Symbol.asyncDispose]());
beforeEach(async () => {
  await redis.resume();
  await redis.ask('FLUSHALL');
  warned = [];
});
afterEach(async () => {
  await redis.resume();
  for (const store of stores) await store.stop();
  stores = [];
});

async function storeOf(terms: Partial<typeof TERMS> = {}, url = redis.url): Promise<RedisStore> {
  const logger = { ...silentLogger, warn: (_: object, text: string) => void warned.push(text) };
  const store = new RedisStore({ url, clock: systemClock, ids: systemIds(systemClock), logger }, { ...TERMS, ...terms });
  stores.push(store);
  await store.start();
  return store;
}

async function several(count: number): Promise<RedisStore[]> {
  for (let at = 0; at < count; at++) await storeOf();
  await until(() => stores.every(({ processes }) => processes === count));
  return stores;
}

const subject = (windows: readonly WindowLimit[], places?: number): Subject => ({ id: `s${made++}`, windows, places });
const isAway = (store: RedisStore): boolean => store.health().status === 'degraded';

/** Takes until it is refused; at most a hundred times. */
async function takeAll(store: RedisStore, who: Subject, amount = 0): Promise<Hold[]> {
  const holds: Hold[] = [];
  for (let at = 0; at < 100; at++) {
    const { hold } = await store.take([who], amount);
    if (!hold) break;
    holds.push(hold);
  }
  return holds;
}

async function takeInTurns(all: readonly RedisStore[], who: Subject, rounds = 30): Promise<number> {
  let taken = 0;
  for (let at = 0; at < rounds * all.length; at++) if ((await all[at % all.length]!.take([who], 0)).hold) taken++;
  return taken;
}

describe('while Redis is away', () => {
  it.each(['killed', 'frozen'] as const)('and %s, takings are answered soon, by what all keep for each; it is said once, and all is well when it is back', async (how) => {
    const [first, second] = (await several(2)) as [RedisStore, RedisStore];
    const who = subject([minute]);
    const other = subject([{ ...minute, limit: 40 }]);
    for (const store of stores) for (let at = 0; at < 2; at++) await store.take([who], 0);
    await (how === 'killed' ? redis.kill() : redis.freeze());
    const startMs = performance.now();
    const counts = await Promise.all(stores.map(async (store) => (await takeAll(store, who)).length));
    // Once a call of each waits for its deadline; the others do not.
    expect(performance.now() - startMs).toBeLessThan(10_000);
    // A quarter of what was left, in two.
    expect(counts).toEqual([9, 9]);
    expect([(await takeAll(first, other)).length, (await takeAll(second, other)).length]).toEqual([5, 5]);
    expect(stores.map(isAway)).toEqual([true, true]);
    expect(warned).toHaveLength(2);
    expect(await first.take([who], 0)).toMatchObject({ hold: undefined, windows: [{ remaining: 0, waitMs: expect.any(Number) }] });
    await redis.resume();
    await until(() => !stores.some(isAway));
    // What was let in meanwhile is known to all; what a Redis that was killed may have lost is told once more.
    expect([await takeInTurns(stores, who, 40), await takeInTurns(stores, other)]).toEqual([how === 'killed' ? 54 : 58, 30]);
    expect(warned).toHaveLength(2);
  });

  it('what the others used before counts, though this process never asked', async () => {
    const [first, second] = (await several(2)) as [RedisStore, RedisStore];
    const [spent, half] = [subject([minute]), subject([minute])];
    expect(await takeAll(first, spent)).toHaveLength(80);
    for (let at = 0; at < 60; at++) await first.take([half], 0);
    // Two signs of life of the second: what was used before the first of them is known to it.
    const seen = async (): Promise<number> => Number(await redis.ask('ZSCORE', KEYS.members, second.member!.name));
    for (let beat = 0, last = await seen(); beat < 2; beat++, last = await seen()) await until(async () => (await seen()) > last);
    await redis.kill();
    expect(await takeAll(second, spent)).toHaveLength(0);
    expect(await takeAll(second, half)).toHaveLength(2);
    expect(await takeAll(first, half)).toHaveLength(2);
  });

  it('nothing that is limited is let in by a process that never knew how many others there are; what is not limited is', async () => {
    await redis.kill();
    const store = await storeOf();
    expect(await store.take([subject([minute])], 0)).toMatchObject({ hold: undefined, windows: [{ waitMs: 1_000, remaining: 0 }] });
    expect((await store.take([subject([], 5)], 0)).full).toEqual([true]);
    expect((store.take([subject([])], 0) as Taking).hold).toBeDefined();
    await redis.resume();
    await until(() => !isAway(store));
    expect(await takeAll(store, subject([minute]))).toHaveLength(80);
  });

  it('for a moment, a process of which a dead one has not heard waits for it: it has no share that it could let in', async () => {
    await storeOf({ beatMs: 3_600_000 });
    await using line = await Line.to(redis.url);
    const young = await storeOf({}, line.url);
    const who = subject([minute], 40);
    line.cut();
    await until(() => isAway(young));
    const waiting = Array.from({ length: 5 }, async () => young.take([who], 0));
    line.mend();
    expect((await Promise.all(waiting)).map(({ hold }) => hold !== undefined)).toEqual([true, true, true, true, true]);
    expect([young.processes, warned]).toEqual([0, ['Redis takes no counts of this process; until it does, it refuses what is limited, because not all others have heard yet that it shares']]);
    // Behind the wait it refuses, and at once.
    line.cut();
    await until(() => isAway(young));
    expect((await young.take([who], 0)).hold).toBeUndefined();
    expect(young.take([who], 0)).not.toBeInstanceOf(Promise);
    expect(young.health()).toEqual({ status: 'degraded', detail: 'Redis does not answer; this process refuses what is limited: not all others have heard yet that it shares' });
  });

  it('places are shared out too, and what is held counts when it is back', async () => {
    const [first, second] = (await several(2)) as [RedisStore, RedisStore];
    const who = subject([], 32);
    const held = [await first.take([who], 0), await second.take([who], 0)].map(({ hold }) => hold!);
    await redis.kill();
    const alone = [...(await takeAll(first, who)), ...(await takeAll(second, who))];
    expect(alone).toHaveLength(6);
    held[0]!.end(0);
    alone.pop()!.end(0);
    await redis.resume();
    await until(() => !stores.some(isAway));
    const more = [...(await takeAll(first, who)), ...(await takeAll(second, who))];
    expect(more).toHaveLength(26);
    for (const hold of [...held, ...alone, ...more]) hold.end(0);
    expect([...(await takeAll(second, who)), ...(await takeAll(first, who))]).toHaveLength(32);
  });

  it('amounts are put right where they were counted, before, meanwhile and behind', async () => {
    const [store] = (await several(1)) as [RedisStore];
    const who = subject([tokens]);
    const left = async (): Promise<number> => (await store.take([who], 0)).windows[0]!.remaining;
    const [early, late] = [(await store.take([who], 300)).hold!, (await store.take([who], 300)).hold!];
    // Not killed: then it would be told the latest twice.
    redis.freeze();
    const alone = (await store.take([who], 100)).hold!;
    // A quarter of the 400 that were left.
    expect(await left()).toBe(0);
    // Redis has counted it; what is less is not known there.
    early.end(-200);
    alone.use(50);
    alone.end(-20);
    await redis.resume();
    await until(() => !isAway(store));
    expect(await left()).toBe(1_000 - 300 - 300 - 130);
    late.end(-250);
    expect(await left()).toBe(1_000 - 300 - 50 - 130);
  });
});

describe('behind it', () => {
  it('nothing is let in that who has not come back may have used; then its reserve is held back', async () => {
    for (let at = 0; at < 2; at++) await storeOf({ aloneMs: 5_000 });
    await until(() => stores.every(({ processes }) => processes === 2));
    const [first, second] = stores as [RedisStore, RedisStore];
    const who = subject([minute]);
    await redis.kill();
    await until(() => stores.every(isAway));
    // The second dies with what it let in, and nobody knows.
    expect(await takeAll(second, who)).toHaveLength(10);
    stores = [first];
    void second.stop();
    await redis.resume();
    await until(() => !isAway(first));
    expect(await takeAll(first, who)).toHaveLength(0);
    await until(async () => (await first.take([who], 0)).hold !== undefined);
    // Ten are kept for the second.
    expect(await takeAll(first, who)).toHaveLength(69);
  });

  it('a Redis that lost its data is told all of it', async () => {
    await several(2);
    const who = subject([minute], 200);
    expect(await takeInTurns(stores, who, 3)).toBe(6);
    await redis.ask('FLUSHALL');
    await until(() => stores.some(isAway));
    await until(() => !stores.some(isAway));
    expect(await takeInTurns(stores, who, 50)).toBe(74);
    expect(Number(await redis.ask('DBSIZE'))).toBeGreaterThan(3);
  });

  it('a Redis that was killed is told anew what it may not have kept of the last seconds', async () => {
    await several(2);
    const who = subject([minute, tokens]);
    for (const store of stores) await store.take([who], 40);
    // Else a busy server forgets that it was told to forget.
    await redis.ask('CONFIG', 'SET', 'appendfsync', 'always');
    await redis.ask('DEL', windowKey(who.id, minute.name), windowKey(who.id, tokens.name));
    await redis.kill();
    await until(() => stores.every(isAway));
    await redis.resume();
    await until(() => !stores.some(isAway));
    expect((await stores[0]!.take([who], 0)).windows.map(({ remaining }) => remaining)).toEqual([77, 920]);
  });

  it('a server that has forgotten the scripts is one that was away: nothing is sent in another order', async () => {
    const [store] = (await several(1)) as [RedisStore];
    const who = subject([minute]);
    await redis.ask('SCRIPT', 'FLUSH');
    expect(await takeAll(store, who)).toHaveLength(20);
    await until(() => !isAway(store));
    expect(await takeAll(store, who)).toHaveLength(60);
    expect(warned).toHaveLength(1);
  });
});

describe('who shares', () => {
  it('leaves in form, and the others have its share and its places at once', async () => {
    const [first, second] = (await several(2)) as [RedisStore, RedisStore];
    const who = subject([], 3);
    await second.take([who], 0);
    await second.stop();
    expect(await takeAll(first, who)).toHaveLength(3);
    await until(() => first.processes === 1);
  });

  it('and gives no sign of life is one no more: its places are free, and it comes in anew when it wakes', async () => {
    const first = await storeOf({ leaseMs: 4_000 });
    const dead = await storeOf({ beatMs: 3_600_000, leaseMs: 4_000 });
    const who = subject([], 3);
    const held = (await dead.take([who], 0)).hold!;
    expect(await takeAll(first, who)).toHaveLength(2);
    await until(async () => (await first.take([who], 0)).hold !== undefined);
    expect(await first.take([who], 0)).toMatchObject({ hold: undefined, full: [true] });
    // It holds its place still, so it may take no other.
    expect((await dead.take([who], 0)).hold).toBeUndefined();
    await until(() => !isAway(dead));
    expect((await dead.take([who], 0)).full).toEqual([true]);
    held.end(0);
  });

  it('leaves no key that does not expire', async () => {
    await several(2);
    const who = subject([minute, tokens], 20);
    for (const store of stores) {
      const { hold } = await store.take([who], 5);
      hold!.use(5);
      store.precede(who.id, { ...minute, name: 'day' }, [{ atMs: systemClock.monotonicMs() - 1_000, amount: 3 }]);
    }
    await stores[0]!.stop();
    const keys = (await redis.ask('KEYS', '*')) as string[];
    expect(keys.length).toBeGreaterThan(8);
    for (const key of keys) expect([key, Number(await redis.ask('PTTL', key)) > 0]).toEqual([key, true]);
  });
});
