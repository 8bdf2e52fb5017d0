import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock, systemIds } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { silentLogger } from '@sluice/telemetry';
import { OpenCalls } from '../../domain/open-calls.ts';
import type { RequestFlow } from '../../domain/request-flow.ts';
import { TestHouse, delta, finished, started, until } from '../../testing/house.ts';
import { createServer } from '../server.ts';
import { chatCompletionsRoute, type CallDoor } from './route.ts';

const MIB = 1024 * 1024;
const hello = { model: 'chat', messages: [{ role: 'user', content: 'hi' }] };
const away = new ServiceError('audit_log_unavailable', 'The log is away.');

describe('a refusal', () => {
  const house = new TestHouse();
  const key = house.addKey('inference');
  beforeAll(() => house.start({ SLUICE_HELD_BYTES_LIMIT: MIB }));
  afterAll(() => house.stop());
  const post = (body: object): Promise<Response> =>
    fetch(`${house.url}/v1/chat/completions`, { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: JSON.stringify(body) });

  it('for want of room is on record too, and keeps no room', async () => {
    for (let round = 0; round < 3; round++) {
      const response = await post({ ...hello, user: 'x'.repeat(2 * MIB) });
      expect([response.status, ((await response.json()) as { error: { code: string } }).error.code]).toEqual([503, 'server_is_overloaded']);
      const callId = response.headers.get('x-request-id');
      expect(house.records().filter((record) => record.callId === callId)).toMatchObject([{ kind: 'refused', value: { errorCode: 'overloaded', httpStatus: 503 } }]);
    }
    expect((await post(hello)).status).toBe(200);
  });

  it('gives the room of a call back when it ends, also of one that fails', async () => {
    house.answer = async function* () {
      throw new ServiceError('upstream_error', 'broke');
    };
    for (let round = 0; round < 4; round++) expect((await post({ ...hello, messages: [{ role: 'user', content: 'x'.repeat(MIB / 2) }] })).status).toBe(502);
  });
});

describe('a call that is not let in', () => {
  /** A house with one running stream, which ends when told. */
  async function busyHouse(config: { SLUICE_OPEN_CALLS_LIMIT?: number; SLUICE_DRAIN_LIMIT_MS?: number }) {
    const house = new TestHouse();
    const key = house.addKey('inference');
    const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
    house.answer = async function* () {
      yield [started(), delta('Hel')];
      await mayEnd;
      yield [finished()];
    };
    await house.start(config);
    const post = (authorization = `Bearer ${key}`): Promise<Response> =>
      fetch(`${house.url}/v1/chat/completions`, { method: 'POST', headers: { authorization, 'content-type': 'application/json', connection: 'close' }, body: JSON.stringify({ ...hello, stream: true }) });
    const running = post().then((response) => response.text());
    await until(() => house.records().some(({ kind }) => kind === 'output'));
    return { house, post, finish: () => (end(), running) };
  }

  async function isOnRecord(house: TestHouse, response: Response, code: string, errorCode: string): Promise<void> {
    expect([response.status, ((await response.json()) as { error: { code: string } }).error.code]).toEqual([503, code]);
    expect(house.records().filter(({ callId }) => callId === response.headers.get('x-request-id'))).toMatchObject([{ kind: 'refused', value: { errorCode, httpStatus: 503 } }]);
  }

  it('because there are too many is on record, unless a stranger asks', async () => {
    const { house, post, finish } = await busyHouse({ SLUICE_OPEN_CALLS_LIMIT: 1 });
    await isOnRecord(house, await post(), 'server_is_overloaded', 'overloaded');
    const before = house.records().length;
    expect((await post('Bearer nobody')).status).toBe(503);
    expect(house.records()).toHaveLength(before);
    await finish();
    await house.stop();
  });

  it('because the server closes is on record while a call still runs', async () => {
    const { house, post, finish } = await busyHouse({ SLUICE_DRAIN_LIMIT_MS: 20_000 });
    const stopped = house.stop();
    await until(async () => (await fetch(`${house.url}/readyz`)).status === 503);
    await isOnRecord(house, await post(), 'server_is_draining', 'draining');
    await finish();
    await stopped;
  });
});

describe('a refusal that cannot be recorded', () => {
  async function refusedWith(error: ServiceError, abortedBefore = false, open = new OpenCalls(5, 100 * MIB)) {
    const seen: string[] = [];
    const server = createServer({ clock: systemClock, ids: systemIds(systemClock), logger: silentLogger, bodyLimitBytes: MIB });
    const flow = {
      run: ({ abort }: { abort: AbortController }) => (abortedBefore && abort.abort(error), Promise.reject(error)),
      count: () => undefined,
      refuse: () => (seen.push('refuse'), Promise.reject(away)),
    } as unknown as RequestFlow;
    const figures = { ended: () => undefined, refused: () => undefined, unrecorded: (code: string) => seen.push(`unrecorded ${code}`), authenticationFailed: () => undefined, close: () => undefined } as unknown as CallDoor['figures'];
    const principal = { keyId: 'k', organisationId: 'o', projectId: 'p', models: [], keepsBodies: true };
    chatCompletionsRoute(server, { flow, figures, open, clock: systemClock, logger: silentLogger, principalOf: () => Promise.resolve(principal) });
    const url = await server.listen({ host: '127.0.0.1', port: 0 });
    const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json', connection: 'close' }, body: JSON.stringify(hello) });
    const { error: told } = (await response.json()) as { error: { code: string } };
    await server.close();
    return { code: told.code, seen };
  }

  it('is told and counted when it says only that Sluice cannot answer now', async () => {
    expect(await refusedWith(new ServiceError('backend_unavailable', 'nothing is known yet'))).toEqual({ code: 'backend_unavailable', seen: ['refuse', 'unrecorded backend_unavailable'] });
  });

  it('is told and counted when there is no room for the call', async () => {
    expect(await refusedWith(away, false, new OpenCalls(0, MIB))).toEqual({ code: 'server_is_overloaded', seen: ['refuse', 'unrecorded overloaded'] });
  });

  it('is not tried when too many wait to be turned away', async () => {
    const open = new OpenCalls(0, MIB);
    const places: (() => void)[] = [];
    for (let leave = open.turnAway(); leave; leave = open.turnAway()) places.push(leave);
    expect(places).toHaveLength(64);
    expect(await refusedWith(away, false, open)).toEqual({ code: 'server_is_overloaded', seen: ['unrecorded overloaded'] });
    places[0]!();
    expect((await refusedWith(away, false, open)).seen).toEqual(['refuse', 'unrecorded overloaded']);
    expect(open.turnAway()).toBeDefined();
  });

  it('is not told when it says something of the request', async () => {
    expect(await refusedWith(new ServiceError('model_not_found', 'no such model'))).toEqual({ code: 'audit_log_unavailable', seen: ['refuse', 'unrecorded model_not_found'] });
  });

  it('is not tried for a call that was admitted and lost its records', async () => {
    expect(await refusedWith(new ServiceError('epoch_lost', 'lost'), true)).toEqual({ code: 'epoch_lost', seen: [] });
  });
});
