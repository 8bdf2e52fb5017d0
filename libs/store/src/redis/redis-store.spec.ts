import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ManualClock, systemIds } from '@sluice/clock';
import { silentLogger } from '@sluice/telemetry';
import { storeContract } from '../store.contract.ts';
import type { WindowLimit } from '../store.ts';
import { TestRedis } from '../testing/test-redis.ts';
import { RedisStore } from './redis-store.ts';

const YEAR_MS = 365 * 86_400_000;
let redis: TestRedis;
const stores: RedisStore[] = [];
beforeAll(async () => void (redis = await TestRedis.start()));
afterAll(async () => redis[Symbol.asyncDispose]());
afterEach(async () => {
  for (const store of stores.splice(0)) await store.stop();
});

async function storeOf(clock: ManualClock): Promise<RedisStore> {
  // Nobody gives signs of life while time jumps.
  const store = new RedisStore({ url: redis.url, clock, ids: systemIds(clock), logger: silentLogger }, { answerLimitMs: 60_000, beatMs: 1_000, leaseMs: YEAR_MS, aloneMs: 60_000, patienceBeats: 0, nowMs: () => clock.wallMs() });
  stores.push(store);
  await store.start();
  return store;
}

async function newClock(): Promise<ManualClock> {
  await redis.ask('FLUSHALL');
  const clock = new ManualClock();
  clock.jump(5_000);
  return clock;
}

storeContract('the store in Redis', async () => {
  const clock = await newClock();
  return { store: await storeOf(clock), nowMs: () => clock.monotonicMs(), pass: (ms) => clock.jump(ms) };
});

describe('what was used before', () => {
  const DAY_MS = 86_400_000;
  const day: WindowLimit = { name: 'day', windowMs: DAY_MS, bucketMs: 60_000, limit: 10, counts: 'takings' };
  const who = { id: 'who', windows: [day], places: undefined };

  it('counts once, though every process that starts tells it, and nothing that was counted counts again', async () => {
    const clock = await newClock();
    const first = await storeOf(clock);
    const before = { atMs: clock.monotonicMs() - DAY_MS / 2, amount: 3 };
    first.precede('who', day, [before]);
    expect((await first.take([who], 0)).windows[0]!.remaining).toBe(6);
    clock.jump(60_000);
    const second = await storeOf(clock);
    second.precede('who', day, [before, { atMs: clock.monotonicMs() - 60_000, amount: 1 }]);
    expect((await second.take([who], 0)).windows[0]!.remaining).toBe(5);
    clock.jump(DAY_MS / 2 - 60_000);
    expect((await second.take([who], 0)).windows[0]!.remaining).toBe(7);
  });

  it('and is told where something was counted already, is what came before that', async () => {
    const clock = await newClock();
    const first = await storeOf(clock);
    await first.take([who], 0);
    const agoMs = clock.monotonicMs();
    clock.jump(60_000);
    const second = await storeOf(clock);
    second.precede('who', day, [{ atMs: agoMs - 10_000, amount: 2 }, { atMs: agoMs + 1, amount: 5 }]);
    expect((await second.take([who], 0)).windows[0]!.remaining).toBe(6);
  });
});
