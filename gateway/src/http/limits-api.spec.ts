import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Level, OutOfBounds } from '@sluice/proto/access/v1/access';
import { ServiceError } from '@sluice/errors';
import OpenAI from 'openai';
import { TestHouse, delta, finished, helloAnswer, started, until, usage } from '../testing/house.ts';

const house = new TestHouse();
const keys = Array.from({ length: 24 }, () => house.addKey('inference'));
const owner = house.addKey(1);
const member = house.addKey(2);
const auditor = house.addKey(3);

beforeAll(() => house.start({ SLUICE_OPEN_CALLS_LIMIT: 1_000 }));
afterAll(() => house.stop());
afterEach(() => void (house.answer = helloAnswer));

/** A key that no test has used yet: what was counted of the others stays for a minute. */
let used = 0;
function freshKey(limits: Parameters<TestHouse['limit']>[0]['limits']): { secret: string; id: string } {
  const id = `key_${used}`;
  const secret = keys[used++]!;
  house.limit({ level: Level.KEY, subjectId: id, limits: limits! });
  return { secret, id };
}

const hello = { model: 'chat', messages: [{ role: 'user', content: 'hi' }] };

function post(secret: string, body: object = hello, signal?: AbortSignal): Promise<Response> {
  return fetch(`${house.url}/v1/chat/completions`, { method: 'POST', headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' }, body: JSON.stringify(body), signal: signal ?? null });
}

async function admin(method: string, path: string, body?: object, secret = owner): Promise<{ status: number; json: Record<string, unknown> & { data?: Record<string, unknown>[]; error?: Record<string, unknown> } }> {
  const response = await fetch(`${house.adminUrl}/admin/v1${path}`, {
    method, headers: { authorization: `Bearer ${secret}`, ...(body && { 'content-type': 'application/json' }) }, ...(body && { body: JSON.stringify(body) }),
  });
  return { status: response.status, json: (await response.json()) as Awaited<ReturnType<typeof admin>>['json'] };
}

const limitHeaders = ({ headers }: Response): Record<string, string> => Object.fromEntries([...headers].filter(([name]) => /^(x-ratelimit|retry|x-should)/.test(name)));
const errorOf = async (response: Response): Promise<Record<string, unknown>> => ((await response.json()) as { error: Record<string, unknown> }).error;
const refusals = (): Record<string, unknown>[] => house.records().filter(({ kind }) => kind === 'refused').map(({ value }) => value);

describe('limits on the public API', () => {
  it('are told with every answer, streamed or not, as OpenAI tells them', async () => {
    const { secret } = freshKey({ requestsPerMinute: 5n, tokensPerMinute: 10_000n });
    const whole = await post(secret, { ...hello, max_tokens: 50 });
    await whole.json();
    expect(limitHeaders(whole)).toEqual({
      'x-ratelimit-limit-requests': '5', 'x-ratelimit-remaining-requests': '4', 'x-ratelimit-reset-requests': expect.stringMatching(/^(1m0(\.\d+)?|59\.\d+)s$/),
      'x-ratelimit-limit-tokens': '10000', 'x-ratelimit-remaining-tokens': expect.stringMatching(/^98\d\d$/), 'x-ratelimit-reset-tokens': expect.stringMatching(/^(1m0(\.\d+)?|59\.\d+)s$/),
    });
    const streamed = await post(secret, { ...hello, stream: true, max_tokens: 50 });
    expect(streamed.headers.get('content-type')).toContain('text/event-stream');
    expect(streamed.headers.get('x-ratelimit-remaining-requests')).toBe('3');
    // The call before took 5 tokens in truth, not its bound.
    expect(Number(streamed.headers.get('x-ratelimit-remaining-tokens'))).toBe(Number(whole.headers.get('x-ratelimit-remaining-tokens')) - 5);
    await streamed.text();
  });

  it('are not told where there are none', async () => {
    const { secret } = freshKey({});
    const response = await post(secret);
    await response.text();
    expect([response.status, limitHeaders(response)]).toEqual([200, {}]);
  });

  it('refuse with 429, say when to come again, and stand on record', async () => {
    const { secret, id } = freshKey({ requestsPerMinute: 1n });
    await (await post(secret)).text();
    for (const stream of [false, true]) {
      const response = await post(secret, { ...hello, stream });
      expect(response.status).toBe(429);
      const headers = limitHeaders(response);
      expect(headers).toMatchObject({ 'x-ratelimit-limit-requests': '1', 'x-ratelimit-remaining-requests': '0' });
      const waitMs = Number(headers['retry-after-ms']);
      expect(waitMs).toBeGreaterThan(0);
      expect(waitMs).toBeLessThanOrEqual(60_000);
      expect(headers['retry-after']).toBe(String(Math.ceil(waitMs / 1_000)));
      expect(await errorOf(response)).toEqual({ message: 'Rate limit reached: 1 request a minute for this key.', type: 'rate_limit_error', param: null, code: 'rate_limit_exceeded' });
      expect(refusals().at(-1)).toMatchObject({ keyId: id, errorCode: 'rate_limit_exceeded', httpStatus: 429, refusedBy: { case: 'limit', value: { level: Level.KEY, subjectId: id, kind: 'requests_per_minute', limit: 1n } } });
    }
  });

  it.each([
    ['a model that is not there', () => JSON.stringify({ ...hello, model: 'nosuch' }), 404],
    ['a parameter out of bounds', () => JSON.stringify({ ...hello, temperature: 9 }), 400],
    ['a body that is no JSON', () => '{', 400],
    ['no body', () => '', 400],
    ['a body that is too large', () => ' '.repeat(33 * 2 ** 20), 413],
  ])('count a call that is refused for %s, and refuse one more', async (_what, body, status) => {
    const { secret, id } = freshKey({ requestsPerMinute: 2n });
    const ask = async (): Promise<Response> => {
      const response = await fetch(`${house.url}/v1/chat/completions`, { method: 'POST', headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' }, body: body() });
      await response.text();
      return response;
    };
    const answers = [await ask(), await ask(), await ask()];
    expect(answers.map(({ status: told, headers }) => [told, headers.get('x-ratelimit-remaining-requests')])).toEqual([[status, '1'], [status, '0'], [429, '0']]);
    expect(refusals().at(-1)).toMatchObject({ keyId: id, errorCode: 'rate_limit_exceeded', refusedBy: { case: 'limit', value: { kind: 'requests_per_minute', limit: 2n } } });
    expect((await post(secret)).status).toBe(429);
  });

  it('count a call whose parameter a rule refuses once, and one that is let in once', async () => {
    const { secret } = freshKey({ requestsPerMinute: 4n });
    const rule = house.rule({ parameter: 'n', max: 1, outOfBounds: OutOfBounds.REFUSE, projectId: 'project_1' });
    const left = [];
    for (const n of [2, 1, 2]) {
      const response = await post(secret, { ...hello, n });
      await response.text();
      left.push([response.status, response.headers.get('x-ratelimit-remaining-requests')]);
    }
    expect(left).toEqual([[400, '3'], [200, '2'], [400, '1']]);
    await admin('DELETE', `/parameter-rules/${rule.id}`);
  });

  it('count a call whose body breaks off', async () => {
    const { secret, id } = freshKey({ requestsPerMinute: 1n });
    const { hostname, port } = new URL(house.url);
    for (const code of ['cancelled', 'rate_limit_exceeded']) {
      const socket = connect(Number(port), hostname);
      socket.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: sluice\r\nauthorization: Bearer ${secret}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`, () => socket.destroySoon());
      await until(() => refusals().some(({ keyId, errorCode }) => keyId === id && errorCode === code));
    }
    expect(refusals().filter(({ keyId }) => keyId === id)).toHaveLength(2);
  });

  it('are understood by OpenAI\'s own client', async () => {
    const { secret } = freshKey({ requestsPerMinute: 1n });
    const client = new OpenAI({ apiKey: secret, baseURL: `${house.url}/v1`, maxRetries: 0 });
    const ask = () => client.chat.completions.create({ model: 'chat', messages: [{ role: 'user', content: 'hi' }] });
    await ask();
    const refusal = await ask().catch((thrown: unknown) => thrown);
    expect(refusal).toBeInstanceOf(OpenAI.RateLimitError);
    expect(refusal).toMatchObject({ status: 429, code: 'rate_limit_exceeded', type: 'rate_limit_error' });
  });

  it('tell a request that is larger than its limit so, and not to try again', async () => {
    const { secret } = freshKey({ tokensPerMinute: 500n });
    const response = await post(secret, { ...hello, max_tokens: 600 });
    expect(response.status).toBe(429);
    expect(limitHeaders(response)).toEqual({ 'x-ratelimit-limit-tokens': '500', 'x-ratelimit-remaining-tokens': '500', 'x-ratelimit-reset-tokens': '0s', 'x-should-retry': 'false' });
    expect((await errorOf(response))['message']).toMatch(/^Request too large: it may take 6\d\d tokens, and the limit is 500 tokens a minute for this key\./);
  });

  it('are told also with an answer that fails behind them', async () => {
    const { secret } = freshKey({ requestsPerMinute: 9n });
    house.answer = async function* () {
      yield [started()];
      throw new ServiceError('upstream_error', 'The backend broke.');
    };
    const response = await post(secret);
    expect(response.status).toBe(502);
    expect(response.headers.get('x-ratelimit-remaining-requests')).toBe('8');
    await response.text();
  });

  it('let no request more through than they say, from 64 connections at once', async () => {
    const { secret } = freshKey({ requestsPerDay: 100n, concurrentRequests: 20n });
    let running = 0;
    let most = 0;
    house.answer = async function* () {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      yield [started(), delta('a'), finished(), usage()];
      running--;
    };
    const statuses: number[] = [];
    await Promise.all(Array.from({ length: 64 }, async () => {
      for (let round = 0; round < 12; round++) {
        const response = await post(secret);
        await response.text();
        statuses.push(response.status);
      }
    }));
    expect(statuses.filter((status) => status === 200)).toHaveLength(100);
    expect(statuses.filter((status) => status === 429)).toHaveLength(64 * 12 - 100);
    expect(most).toBeLessThanOrEqual(20);
    expect(most).toBeGreaterThan(1);
  });

  it('give a place back when a client leaves', async () => {
    const { secret } = freshKey({ concurrentRequests: 1n });
    house.answer = async function* (_call, signal) {
      yield [started(), delta('a')];
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    };
    const leave = new AbortController();
    await post(secret, { ...hello, stream: true }, leave.signal);
    const refused = await post(secret);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    await refused.text();
    house.answer = helloAnswer;
    leave.abort();
    await until(async () => {
      const response = await post(secret);
      await response.text();
      return response.status === 200;
    });
  });

  it('are set on the admin API and hold from the next call on; what is not given stays', async () => {
    const { secret, id } = freshKey({});
    expect((await admin('PUT', '/limits', { level: 'key', id, requests_per_minute: 2, requests_per_day: 50 })).json).toEqual({ object: 'limits', level: 'key', id, requests_per_minute: 2, tokens_per_minute: null, concurrent_requests: null, requests_per_day: 50 });
    const statuses = [];
    for (let call = 0; call < 3; call++) {
      const response = await post(secret);
      await response.text();
      statuses.push(response.status);
    }
    expect(statuses).toEqual([200, 200, 429]);
    expect((await admin('PUT', '/limits', { level: 'key', id, requests_per_minute: 3, concurrent_requests: 4 }, member)).json).toMatchObject({ requests_per_minute: 3, concurrent_requests: 4, requests_per_day: 50 });
    const response = await post(secret);
    await response.text();
    expect([response.status, response.headers.get('x-ratelimit-remaining-requests')]).toEqual([200, '0']);
    expect((await admin('GET', '/limits')).json.data).toContainEqual(expect.objectContaining({ level: 'key', id, requests_per_minute: 3 }));
    expect((await admin('PUT', '/limits', { level: 'key', id, requests_per_minute: null, concurrent_requests: 0, requests_per_day: 0 })).json).toMatchObject({ requests_per_minute: null, concurrent_requests: null, requests_per_day: null });
    const free = await post(secret);
    await free.text();
    expect([free.status, limitHeaders(free)]).toEqual([200, {}]);
  });

  it('of a project are not a member\'s to set, and faults are named', async () => {
    expect((await admin('PUT', '/limits', { level: 'project', id: 'project_1', requests_per_day: 1 }, member)).status).toBe(403);
    for (const [body, param] of [[{ id: 'x' }, 'level'], [{ level: 'team', id: 'x' }, 'level'], [{ level: 'key' }, 'id'], [{ level: 'key', id: 'x', requests_per_minute: -1 }, 'requests_per_minute'], [{ level: 'key', id: 'x', tokens_per_minute: 0.5 }, 'tokens_per_minute'], [{ level: 'key', id: 'x', rpm: 1 }, 'rpm'], [{ level: 'key', id: 'x' }, 'requests_per_minute']] as const) {
      expect(await admin('PUT', '/limits', body)).toMatchObject({ status: 400, json: { error: { param } } });
    }
  });
});

describe('parameter rules on the public API', () => {
  const { secret } = { secret: keys[23]! };

  it('bound what the model gets, and refuse by name', async () => {
    const heat = await admin('PUT', '/parameter-rules', { parameter: 'temperature', model: 'chat', max: 1, default: 0.3, on_violation: 'clip' });
    expect(heat.json).toMatchObject({ object: 'parameter_rule', parameter: 'temperature', model: 'org/small', project_id: null, min: null, max: 1, default: 0.3, on_violation: 'clip' });
    house.rule({ parameter: 'n', max: 1, outOfBounds: OutOfBounds.REFUSE, projectId: 'project_1' });
    house.rule({ parameter: 'top_p', max: 0.1, outOfBounds: OutOfBounds.REFUSE, projectId: 'project_2' });
    const sent = (): Record<string, unknown> => Object.fromEntries(house.calls.at(-1)!.fields.map(({ name, json }) => [name, JSON.parse(Buffer.from(json).toString())]));
    await (await post(secret, { ...hello, temperature: 1.7, top_p: 0.9 })).text();
    expect(sent()).toEqual({ temperature: 1, top_p: 0.9 });
    await (await post(secret)).text();
    expect(sent()).toEqual({ temperature: 0.3 });
    const before = house.calls.length;
    const refused = await post(secret, { ...hello, n: 2 });
    expect(refused.status).toBe(400);
    expect(await errorOf(refused)).toEqual({ message: "Invalid 'n': at most 1 is allowed here, but got 2 instead.", type: 'invalid_request_error', param: 'n', code: 'invalid_value' });
    expect(house.calls.length).toBe(before);
    expect(refusals().at(-1)).toMatchObject({ errorCode: 'invalid_value', param: 'n' });
  });

  it('are on record with what they changed, of a call that is answered and of one that a limit refuses', async () => {
    const change = { parameter: 'temperature', askedJson: '1.7', sentJson: '1', ruleId: [...house.rules.values()].find(({ parameter }) => parameter === 'temperature')!.id };
    await (await post(secret, { ...hello, temperature: 1.7 })).text();
    expect(house.records().filter(({ kind }) => kind === 'admitted').at(-1)!.value['parameters']).toMatchObject([change]);
    const limited = freshKey({ tokensPerMinute: 500n });
    expect((await post(limited.secret, { ...hello, temperature: 1.7, max_tokens: 600 })).status).toBe(429);
    expect(refusals().at(-1)).toMatchObject({ keyId: limited.id, refusedBy: { case: 'limit' }, parameters: [change] });
  });

  it('are listed and removed, and bind nobody then', async () => {
    const { json } = await admin('GET', '/parameter-rules');
    const rule = json.data!.find(({ parameter }) => parameter === 'n')!;
    for (const other of [member, auditor]) {
      expect((await admin('PUT', '/parameter-rules', { parameter: 'n', max: 9 }, other)).status).toBe(403);
      expect((await admin('DELETE', `/parameter-rules/${String(rule['id'])}`, undefined, other)).status).toBe(403);
      expect((await admin('GET', '/parameter-rules', undefined, other)).json).toEqual(json);
    }
    expect((await admin('DELETE', `/parameter-rules/${String(rule['id'])}`)).json).toMatchObject({ id: rule['id'], deleted: true });
    expect((await admin('DELETE', `/parameter-rules/${String(rule['id'])}`)).status).toBe(404);
    const response = await post(secret, { ...hello, n: 2 });
    expect(response.status).toBe(200);
    await response.text();
    expect(house.calls.at(-1)!.choices).toBe(2);
  });

  it('name a model that there is', async () => {
    expect(await admin('PUT', '/parameter-rules', { parameter: 'n', model: 'nosuch', max: 1 })).toMatchObject({ status: 404, json: { error: { code: 'model_not_found', param: 'model' } } });
    expect(await admin('PUT', '/parameter-rules', { parameter: 'n', max: '1' })).toMatchObject({ status: 400, json: { error: { param: 'max' } } });
    expect(await admin('PUT', '/parameter-rules', { max: 1 })).toMatchObject({ status: 400, json: { error: { param: 'parameter' } } });
  });
});

describe('a budget that is used up', () => {
  it('is refused with 429 that no client repeats', async () => {
    house.billing.hold = () => ({ refusal: { level: Level.PROJECT, subjectId: 'project_1' } });
    const response = await post(keys[23]!);
    expect([response.status, (await errorOf(response))['code'], limitHeaders(response)]).toEqual([429, 'insufficient_quota', { 'x-should-retry': 'false' }]);
  });
});
