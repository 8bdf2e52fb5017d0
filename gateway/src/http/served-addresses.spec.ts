import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ManualClock, systemClock, systemIds, type Clock } from '@sluice/clock';
import { silentLogger } from '@sluice/telemetry';
import type { FastifyInstance, HTTPMethods } from 'fastify';
import { publicServer, type PublicDoor } from './public-server.ts';

const GUIDE = readFileSync(new URL('../../../docs/guide.md', import.meta.url), 'utf8');
/** Rows of its table: an address of OpenAI's API, and what becomes of it here. */
const ROWS = [...GUIDE.matchAll(/^\| `(GET|POST) (\/v1\/\S+)` \| (not served|served)\b.*\|$/gm)].map(([, method, address, fate]) => ({ method: method as HTTPMethods, address: address!, isServed: fate === 'served' }));

describe('the addresses of the front door', () => {
  let server: FastifyInstance;
  beforeAll(async () => {
    // What stands behind the door is not asked: no request here is taken. A clock that stands: what is injected has no socket that could linger.
    const clock: Clock = new ManualClock();
    server = publicServer({ clock, ids: systemIds(systemClock), logger: silentLogger } as PublicDoor);
    await server.ready();
  });
  afterAll(async () => server.close());

  it('of OpenAI\'s API are those that the guide calls served', () => {
    const served = addressesOf(server).filter((address) => address.includes(' /v1/'));
    expect(ROWS.filter(({ isServed }) => isServed).map(({ method, address }) => `${method} ${address.replace('{model}', '*')}`).toSorted()).toEqual(served.toSorted());
  });

  it.each(ROWS.filter(({ isServed }) => !isServed))('do not hold $method $address', async ({ method, address }) => {
    const answer = await server.inject({ method, url: address });
    expect([answer.statusCode, answer.json<unknown>()]).toEqual([404, { error: expect.objectContaining({ code: 'unknown_url' }) }]);
  });
});

/** `METHOD /address` of each, from Fastify's picture of its tree, in which an address goes on from the line it hangs under. */
function addressesOf(server: FastifyInstance): string[] {
  const above: string[] = [];
  return server.printRoutes().split('\n').flatMap((line) => {
    const [, branch, part, methods] = /^(.*?── )(\S+)(?: \(([A-Z, ]+)\))?$/.exec(line) ?? [];
    if (branch === undefined) return [];
    const depth = branch.length / '├── '.length - 1;
    above.splice(depth, Infinity, part!);
    return (methods?.split(', ') ?? []).filter((method) => method !== 'HEAD').map((method) => `${method} ${above.join('')}`);
  });
}
