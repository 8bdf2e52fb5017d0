import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { systemClock, systemIds } from '@sluice/clock';
import { Level } from '@sluice/proto/access/v1/access';
import type { RedisStore } from '@sluice/store/redis';
import { TestRedis, createPatientStore } from '@sluice/store/testing';
import { silentLogger } from '@sluice/telemetry';
import { TestHouse, until } from '../testing/house.ts';

let redis: TestRedis;
const stores: RedisStore[] = [];
const houses = [new TestHouse(), new TestHouse()] as const;
/** The same keys, by their ids, in both. */
const secrets = houses.map((house) => [house.addKey('inference'), house.addKey('inference'), house.addKey('inference')] as const);

beforeAll(async () => {
  redis = await TestRedis.start();
  for (const house of houses) {
    const store = await createPatientStore({ url: redis.url, clock: systemClock, ids: systemIds(systemClock), logger: silentLogger });
    stores.push(store);
    house.store = store;
    await house.start();
  }
  await until(() => stores.every(({ processes }) => processes === 2));
});
afterAll(async () => {
  await redis.resume();
  for (const house of houses) await house.stop();
  for (const store of stores) await store.stop();
  await redis[Symbol.asyncDispose]();
});

/** Asks a gateway with a key; returns the status and what its limits have left. */
async function ask(gateway: 0 | 1, key: 0 | 1 | 2, body: object = { messages: [{ role: 'user', content: 'hi' }] }): Promise<readonly [status: number, left: string | null]> {
  const response = await fetch(`${houses[gateway].url}/v1/chat/completions`, { method: 'POST', headers: { authorization: `Bearer ${secrets[gateway]![key]}`, 'content-type': 'application/json' }, body: JSON.stringify({ model: 'chat', ...body }) });
  await response.text();
  return [response.status, response.headers.get('x-ratelimit-remaining-requests')];
}

function limitBoth(subjectId: string, requestsPerMinute: bigint): void {
  for (const house of houses) house.limit({ level: Level.KEY, subjectId, limits: { requestsPerMinute, tokensPerMinute: 1_000_000n, concurrentRequests: 64n } });
}

it('two gateways tell and keep one limit, also of calls that are refused for what they are', async () => {
  limitBoth('key_0', 4n);
  expect([await ask(0, 0), await ask(1, 0), await ask(1, 0, {}), await ask(0, 0)]).toEqual([[200, '3'], [200, '2'], [400, '1'], [200, '0']]);
  expect([await ask(0, 0), await ask(1, 0), await ask(1, 0, {})]).toEqual([[429, '0'], [429, '0'], [429, '0']]);
  const refused = houses[1].records().filter(({ kind }) => kind === 'refused').at(-1)!;
  expect(refused.value).toMatchObject({ keyId: 'key_0', errorCode: 'rate_limit_exceeded', refusedBy: { case: 'limit', value: { kind: 'requests_per_minute', limit: 4n } } });
});

it('calls go on while Redis is frozen, as many as each gateway knows to be kept for it', async () => {
  limitBoth('key_1', 10n);
  limitBoth('key_2', 7n);
  expect(await ask(0, 1)).toEqual([200, '9']);
  expect(await ask(1, 1)).toEqual([200, '8']);
  redis.freeze();
  const answers = [];
  for (let round = 0; round < 3; round++) for (const gateway of [0, 1] as const) answers.push(await ask(gateway, 1));
  expect(answers.map(([status]) => status)).toEqual([200, 200, 429, 429, 429, 429]);
  expect([await ask(0, 2), await ask(1, 2)].map(([status]) => status)).toEqual([429, 429]);
  expect(stores.map((store) => store.health().status)).toEqual(['degraded', 'degraded']);
  await redis.resume();
  await until(() => stores.every((store) => store.health().status === 'ok'));
  // Four were let in; what Redis did when it woke, and nobody heard of, counts too.
  const left = Number((await ask(0, 1))[1]);
  expect(left).toBeLessThanOrEqual(5);
  expect(left).toBeGreaterThan(0);
});
