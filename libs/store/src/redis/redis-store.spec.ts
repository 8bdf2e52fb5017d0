import { afterAll, afterEach, beforeAll } from '@jest/globals';
import { ManualClock, systemIds } from '@sluice/clock';
import { silentLogger } from '@sluice/telemetry';
import { storeContract } from '../store.contract.ts';
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

storeContract('the store in Redis', async () => {
  await redis.ask('FLUSHALL');
  const clock = new ManualClock();
  clock.jump(5_000);
  // Nobody gives signs of life while time jumps.
  const store = new RedisStore({ url: redis.url, clock, ids: systemIds(clock), logger: silentLogger }, { answerLimitMs: 60_000, beatMs: 1_000, leaseMs: YEAR_MS, holdBackMs: 60_000, nowMs: () => clock.wallMs() });
  stores.push(store);
  await store.start();
  return { store, nowMs: () => clock.monotonicMs(), pass: (ms) => clock.jump(ms) };
});
