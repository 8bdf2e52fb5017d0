import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { TestRedis } from '@sluice/store/testing';
import type { Answer, Held, Order } from '../../testing/limits-process.ts';
import type { Limits } from './limits.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const PROCESS = fileURLToPath(new URL('../../testing/limits-process.ts', import.meta.url));
const NONE: Limits = { requestsPerMinute: 0, tokensPerMinute: 0, concurrentRequests: 0, requestsPerDay: 0 };

let redis: TestRedis;
let gateways: ChildProcess[] = [];
beforeAll(async () => void (redis = await TestRedis.start()));
afterAll(async () => redis[Symbol.asyncDispose]());
beforeEach(async () => {
  await redis.resume();
  await redis.ask('FLUSHALL');
});
afterEach(async () => {
  await Promise.all(gateways.map(kill));
  gateways = [];
});

async function kill(gateway: ChildProcess): Promise<void> {
  if (gateway.exitCode !== null || gateway.signalCode !== null) return;
  gateway.kill('SIGKILL');
  await once(gateway, 'exit');
}

/** Two gateways that know of each other. */
async function two(limits: Readonly<Record<string, Partial<Limits>>>): Promise<readonly [ChildProcess, ChildProcess]> {
  gateways = [0, 1].map(() => fork(PROCESS, { cwd: ROOT, execArgv: ['--conditions=@sluice/source', '--import', './deploy/host/source-loader.mjs'], serialization: 'advanced' }));
  const all = Object.fromEntries(Object.entries(limits).map(([id, some]) => [id, { ...NONE, ...some }]));
  await Promise.all(gateways.map((gateway) => tell(gateway, { kind: 'start', url: redis.url, limits: all })));
  for (const gateway of gateways) while ((await tell(gateway, { kind: 'hold', keyId: 'nobody', places: 0 })).processes !== 2) await new Promise((resolve) => setTimeout(resolve, 20));
  return gateways as [ChildProcess, ChildProcess];
}

async function tell(gateway: ChildProcess, order: Order): Promise<Answer> {
  const answer = once(gateway, 'message');
  gateway.send(order);
  return ((await answer) as [Answer])[0];
}

async function bothAsk(order: Omit<Extract<Order, { kind: 'ask' }>, 'kind'>): Promise<{ held: Held[]; refused: number }> {
  const answers = await Promise.all(gateways.map((gateway) => tell(gateway, { kind: 'ask', ...order })));
  return { held: answers.flatMap(({ held }) => held), refused: answers.reduce((sum, { refused }) => sum + refused, 0) };
}

/** The most that were held at one time. */
function mostAtOnce(held: readonly Held[]): number {
  // What ends at the moment in which another begins is not held with it.
  const turns = held.flatMap(([fromNs, tillNs]) => [[fromNs, 1], [tillNs, -1]] as const).toSorted(([a, up], [b, other]) => (a === b ? up - other : a < b ? -1 : 1));
  let now = 0;
  return turns.reduce((most, [, step]) => Math.max(most, (now += step)), 0);
}

describe('limits that two gateways keep', () => {
  it('let through what they say and not one more, at full speed', async () => {
    await two({ org_1: { requestsPerMinute: 500 }, proj_1: { requestsPerDay: 400, concurrentRequests: 20 }, key_1: { tokensPerMinute: 3_000 } });
    const first = await bothAsk({ keyId: 'key_1', callers: 32, times: 25, tokens: 10, paceMs: 0 });
    expect(first.held).toHaveLength(300);
    expect(first.refused).toBe(2 * 32 * 25 - 300);
    const second = await bothAsk({ keyId: 'key_2', callers: 32, times: 25, tokens: 10, paceMs: 0 });
    expect(second.held).toHaveLength(100);
    expect(mostAtOnce([...first.held, ...second.held])).toBeLessThanOrEqual(20);
    expect(mostAtOnce(first.held)).toBeGreaterThan(1);
  });

  it('give the places of one that was killed back, and not before it is known to be dead', async () => {
    const [first, second] = await two({ proj_1: { concurrentRequests: 4 } });
    expect((await tell(second, { kind: 'hold', keyId: 'key_1', places: 3 })).held).toHaveLength(3);
    await kill(second);
    expect(await tell(first, { kind: 'hold', keyId: 'key_1', places: 5 })).toMatchObject({ held: { length: 1 }, refused: 4 });
    let regained = 0;
    while (regained < 3) {
      regained += (await tell(first, { kind: 'hold', keyId: 'key_1', places: 1 })).held.length;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect((await tell(first, { kind: 'hold', keyId: 'key_1', places: 1 })).held).toHaveLength(0);
  });

  it('stay what they are when Redis is killed under load, and when it comes back', async () => {
    await two({ proj_1: { requestsPerMinute: 200, concurrentRequests: 12 } });
    const asked = bothAsk({ keyId: 'key_1', callers: 8, times: 100, tokens: 0, paceMs: 20 });
    await new Promise((resolve) => setTimeout(resolve, 120));
    await redis.kill();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await redis.resume();
    const { held } = await asked;
    expect(held.length).toBeLessThanOrEqual(200);
    expect(held.length).toBeGreaterThan(100);
    expect(mostAtOnce(held)).toBeLessThanOrEqual(12);
    expect((await bothAsk({ keyId: 'key_1', callers: 4, times: 20, tokens: 0, paceMs: 50 })).held.length + held.length).toBeLessThanOrEqual(200);
  });
});
