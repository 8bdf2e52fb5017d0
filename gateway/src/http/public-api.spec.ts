import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import OpenAI from 'openai';
import { fromFramework } from './error-envelope.ts';
import { TestHouse, delta, finished, helloAnswer, started, until, usage } from '../testing/house.ts';

const house = new TestHouse();
const key = house.addKey('inference');
const narrowKey = house.addKey('inference', { models: ['large'] });
const expiredKey = house.addKey('inference', { expiresAtMs: 1n });
const revokedKey = house.addKey('inference', { revokedAtMs: 1n });
const adminKey = house.addKey(1);

beforeAll(() => house.start());
afterAll(() => house.stop());
beforeEach(() => {
  house.answer = helloAnswer;
  house.beforeAppend = () => Promise.resolve();
});

const hello = { model: 'chat', messages: [{ role: 'user', content: 'hi' }] };

function post(body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${house.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
  });
}

async function errorOf(response: Response): Promise<{ message: string; type: string; param: string | null; code: string | null }> {
  const { error } = (await response.json()) as { error: { message: string; type: string; param: string | null; code: string | null } };
  expect(Object.keys(error).sort()).toEqual(['code', 'message', 'param', 'type']);
  expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f]{32}$/);
  return error;
}

function dataLines(text: string): string[] {
  return text.split('\n\n').filter((line) => line !== '').map((line) => line.replace(/^data: /, ''));
}

describe('a chat that is not streamed', () => {
  it('answers in OpenAI\'s shape under the requested name, and is on record under its id', async () => {
    const response = await post(hello);
    const body = (await response.json()) as Record<string, unknown>;
    const callId = response.headers.get('x-request-id')!;
    expect(response.status).toBe(200);
    expect(body).toMatchObject({ id: `chatcmpl-${callId}`, object: 'chat.completion', model: 'chat', usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } });
    expect(body['choices']).toEqual([{ index: 0, message: { role: 'assistant', content: 'Hello', refusal: null, annotations: [] }, logprobs: null, finish_reason: 'stop' }]);
    expect(house.kindsOf(callId)).toEqual(['admitted', 'output', 'completed']);
  });

  it('may hold U+0000 in what is said and in what is sealed, and in no name that stands in the clear', async () => {
    const response = await post({ ...hello, user: 'a\0b', metadata: { 'k\0': 'v\0' }, messages: [{ role: 'user', content: 'x\0y' }] });
    expect(response.status).toBe(200);
    await response.text();
    expect(Buffer.from(house.calls.at(-1)!.messages).toString()).toContain('x\\u0000y');
    const refused = await post({ ...hello, model: 'chat\0' });
    expect([refused.status, await errorOf(refused)]).toMatchObject([400, { code: 'invalid_value', param: 'model' }]);
    expect(house.records().at(-1)).toMatchObject({ kind: 'refused', value: { model: '', param: 'model' } });
    for (const body of [{ ...hello, ['x\0']: 1 }, { ...hello, stream: true, stream_options: { ['x\0']: true } }]) await (await post(body)).text();
    expect(house.records().slice(-2).map(({ value }) => value['param'])).toEqual(['x?', 'stream_options.x?']);
    const shown = await fetch(`${house.url}/v1/models/a%00`, { headers: { authorization: `Bearer ${key}` } });
    expect([shown.status, (await errorOf(shown)).message]).toEqual([404, expect.stringContaining('`a?`')]);
  });

  it('leaves nothing before its end is durable', async () => {
    const gate = Promise.withResolvers<void>();
    let asked = false;
    house.beforeAppend = () => ((asked = true), gate.promise);
    let answered = false;
    const response = post(hello).then((given) => ((answered = true), given));
    await until(() => asked);
    expect(answered).toBe(false);
    gate.resolve();
    expect((await response).status).toBe(200);
  });

  it('tells a failure of the backend with its status, and records it', async () => {
    house.answer = async function* () {
      yield [started()];
      throw new ServiceError('upstream_error', 'The backend broke off.');
    };
    const response = await post(hello);
    expect(response.status).toBe(502);
    expect(await errorOf(response)).toMatchObject({ code: 'upstream_error', type: 'server_error' });
    const records = house.records().filter(({ callId }) => callId === response.headers.get('x-request-id'));
    expect(records.at(-1)).toMatchObject({ kind: 'completed', value: { errorCode: 'upstream_error', httpStatus: 502, outcome: 3 } });
  });
});

describe('a chat that is streamed', () => {
  it('is read by the openai package', async () => {
    const client = new OpenAI({ baseURL: `${house.url}/v1`, apiKey: key });
    const stream = client.chat.completions.stream({ model: 'chat', messages: [{ role: 'user', content: 'hi' }], stream_options: { include_usage: true } });
    const whole = await stream.finalChatCompletion();
    expect(whole.choices[0]!.message.content).toBe('Hello');
    expect(whole.usage).toMatchObject({ total_tokens: 5 });
  });

  it('names the role first, ends each choice once, and ends with [DONE]', async () => {
    const response = await post({ ...hello, stream: true });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const lines = dataLines(await response.text());
    expect(lines.pop()).toBe('[DONE]');
    const chunks = lines.map((line) => JSON.parse(line) as { id: string; choices: { delta: object; finish_reason: string | null }[] });
    expect(new Set(chunks.map(({ id }) => id))).toEqual(new Set([`chatcmpl-${response.headers.get('x-request-id')}`]));
    expect(chunks.map(({ choices }) => choices[0]!.delta)).toEqual([{ role: 'assistant', content: '', refusal: null }, { content: 'Hel' }, { content: 'lo' }, {}]);
    expect(chunks.map(({ choices }) => choices[0]!.finish_reason)).toEqual([null, null, null, 'stop']);
    expect(chunks.some((chunk) => 'usage' in chunk)).toBe(false);
  });

  it('sends no character that is not durable', async () => {
    const gate = Promise.withResolvers<void>();
    house.answer = async function* () {
      yield [started(), delta('first')];
      await until(() => house.segments.length > before);
      house.beforeAppend = () => gate.promise;
      yield [delta('second')];
      yield [finished(), usage()];
    };
    const before = house.segments.length;
    const response = await post({ ...hello, stream: true });
    const reader = response.body!.getReader();
    const got = Buffer.from((await reader.read()).value!).toString();
    expect(got).toContain('first');
    expect(got).not.toContain('second');
    gate.resolve();
    let rest = '';
    for (let part = await reader.read(); !part.done; part = await reader.read()) rest += Buffer.from(part.value).toString();
    expect(rest).toContain('second');
    expect(rest.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  it('tells a break behind the first byte by one error event and no [DONE]', async () => {
    house.answer = async function* () {
      yield [started(), delta('Hel')];
      throw new ServiceError('upstream_error', 'The backend broke off.');
    };
    const lines = dataLines(await (await post({ ...hello, stream: true })).text());
    expect(JSON.parse(lines.at(-1)!)).toEqual({ error: { message: 'The backend broke off.', type: 'server_error', param: null, code: 'upstream_error' } });
    expect(lines.some((line) => line.includes('"Hel"'))).toBe(true);
  });

  it('tells a failure before the first byte by status', async () => {
    house.answer = async function* () {
      yield [started()];
      throw new ServiceError('backend_unavailable', 'No backend is healthy.');
    };
    const response = await post({ ...hello, stream: true });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await errorOf(response)).toMatchObject({ code: 'backend_unavailable' });
  });

  it('is cancelled down to the router when the client leaves, and ends on record as disconnected', async () => {
    let cancelled = false;
    house.answer = async function* (_call, signal) {
      yield [started(), delta('Hel')];
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      cancelled = true;
    };
    const leave = new AbortController();
    const response = await fetch(`${house.url}/v1/chat/completions`, { method: 'POST', signal: leave.signal, headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: JSON.stringify({ ...hello, stream: true }) });
    const callId = response.headers.get('x-request-id')!;
    await response.body!.getReader().read();
    leave.abort();
    await until(() => cancelled && house.kindsOf(callId).includes('completed'));
    expect(house.records().findLast((record) => record.callId === callId)).toMatchObject({ kind: 'completed', value: { outcome: 2, httpStatus: 200 } });
  });
});

describe('a prompt that leaves the house', () => {
  it('is on record before the router hears of it', async () => {
    const outside = new TestHouse();
    outside.external = true;
    const outsideKey = outside.addKey('inference');
    await outside.start();
    let recorded: string[] = [];
    outside.answer = async function* () {
      recorded = outside.records().map(({ kind }) => kind);
      yield* helloAnswer();
    };
    await fetch(`${outside.url}/v1/chat/completions`, { method: 'POST', headers: { authorization: `Bearer ${outsideKey}`, 'content-type': 'application/json' }, body: JSON.stringify(hello) });
    await outside.stop();
    expect(recorded).toEqual(['admitted']);
  });
});

describe('who may call', () => {
  it.each([
    ['no key', undefined, 401, null],
    ['an unknown key', 'sk-sluice-unknown-unknown-unknown', 401, 'invalid_api_key'],
    ['a revoked key', revokedKey, 401, 'invalid_api_key'],
    ['an expired key', expiredKey, 401, 'expired_api_key'],
    ['an admin key', adminKey, 401, 'invalid_api_key'],
  ])('refuses %s', async (_name, given, status, code) => {
    const response = await fetch(`${house.url}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json', ...(given ? { authorization: `Bearer ${given}` } : {}) }, body: JSON.stringify(hello) });
    expect(response.status).toBe(status);
    const error = await errorOf(response);
    expect(error.code).toBe(code);
    if (given) expect(error.message).not.toContain(given);
  });

  it('refuses a model the key may not use, and records that', async () => {
    const response = await post(hello, { authorization: `Bearer ${narrowKey}` });
    expect(response.status).toBe(403);
    expect(await errorOf(response)).toMatchObject({ code: 'model_not_allowed' });
    expect(house.kindsOf(response.headers.get('x-request-id')!)).toEqual(['refused']);
  });

  it('refuses a model that is not there', async () => {
    const response = await post({ ...hello, model: 'nothing' });
    expect(response.status).toBe(404);
    expect(await errorOf(response)).toMatchObject({ code: 'model_not_found', type: 'invalid_request_error' });
  });
});

describe('what is wrong with a request', () => {
  it('is told with the parameter and recorded before', async () => {
    const response = await post({ ...hello, temperature: 3 });
    expect(response.status).toBe(400);
    expect(await errorOf(response)).toMatchObject({ param: 'temperature', code: 'invalid_value' });
    expect(house.records().find((record) => record.callId === response.headers.get('x-request-id'))).toMatchObject({ kind: 'refused', value: { param: 'temperature', model: 'chat', errorCode: 'invalid_value' } });
  });

  it.each([
    ['bad JSON', '{"model":', 400, 'application/json'],
    ['invalid UTF-8', new Uint8Array([0x7b, 0xff, 0x7d]), 400, 'application/json'],
    ['1 MB of nesting', `{"model":"chat","messages":${'['.repeat(500_000)}${']'.repeat(500_000)}}`, 400, 'application/json'],
    ['another media type', 'model=chat', 415, 'text/plain'],
    ['a body above the limit', 'x'.repeat(11 * 1024 * 1024), 413, 'application/json'],
  ])('gets an envelope for %s', async (_name, body, status, type) => {
    const response = await post(body, { 'content-type': type });
    expect(response.status).toBe(status);
    await errorOf(response);
  });

  it('is told when the body is compressed', async () => {
    const response = await post(gzipSync(JSON.stringify(hello)), { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    expect(response.status).toBe(415);
    expect(await errorOf(response)).toMatchObject({ code: 'unsupported_media_type', message: expect.stringContaining('Compressed bodies are not taken') });
    expect((await post(JSON.stringify(hello), { 'content-type': 'application/json', 'content-encoding': 'identity' })).status).toBe(200);
  });

  it('is told when it takes too long to arrive', () => {
    const error = fromFramework(Object.assign(new Error('Request timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }));
    expect([error.httpStatus, error.code]).toEqual([408, 'request_timeout']);
  });

  it('gets an envelope for an unknown address and a wrong method', async () => {
    const unknown = await fetch(`${house.url}/v1/nothing`, { method: 'POST' });
    expect([unknown.status, (await errorOf(unknown)).code]).toEqual([404, 'unknown_url']);
    const wrong = await fetch(`${house.url}/v1/chat/completions`);
    expect([wrong.status, wrong.headers.get('allow'), (await errorOf(wrong)).code]).toEqual([405, 'POST', 'method_not_supported']);
  });

  it('gets an envelope for headers above the limit and for what is not HTTP', async () => {
    const large = await new Promise<{ status: number; body: string }>((resolve, reject) => {
      const sent = httpRequest(`${house.url}/v1/models`, { headers: { authorization: 'x'.repeat(20_000) } }, (response) => {
        let body = '';
        response.on('data', (part: Buffer) => (body += part.toString())).on('end', () => resolve({ status: response.statusCode!, body }));
      });
      sent.on('error', reject).end();
    });
    expect(large.status).toBe(431);
    expect(JSON.parse(large.body)).toMatchObject({ error: { code: 'headers_too_large', param: null } });
    const raw = await new Promise<string>((resolve, reject) => {
      const { hostname, port } = new URL(house.url);
      let got = '';
      connect(Number(port), hostname).on('data', (part) => (got += part.toString())).on('end', () => resolve(got)).on('error', reject).write('RUBBISH\r\n\r\n');
    });
    expect(raw).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(raw).toContain('"param":null');
  });
});

describe('models', () => {
  it('lists what the key may call, names and aliases', async () => {
    const ids = async (given: string) => ((await (await fetch(`${house.url}/v1/models`, { headers: { authorization: `Bearer ${given}` } })).json()) as { data: { id: string }[] }).data.map(({ id }) => id);
    expect(await ids(key)).toEqual(['chat', 'large', 'org/small']);
    expect(await ids(narrowKey)).toEqual(['large']);
  });

  it.each(['org/small', 'org%2Fsmall'])('finds %s', async (id) => {
    const response = await fetch(`${house.url}/v1/models/${id}`, { headers: { authorization: `Bearer ${key}` } });
    expect(await response.json()).toEqual({ id: 'org/small', object: 'model', created: 1_700_000_000, owned_by: 'sluice' });
  });

  it('does not find others', async () => {
    const response = await fetch(`${house.url}/v1/models/nothing`, { headers: { authorization: `Bearer ${key}` } });
    expect([response.status, (await errorOf(response)).code]).toEqual([404, 'model_not_found']);
  });
});

describe('health', () => {
  it('answers without a key', async () => {
    expect((await fetch(`${house.url}/healthz`)).status).toBe(200);
    expect(await (await fetch(`${house.url}/readyz`)).json()).toMatchObject({ status: 'ok' });
    expect(await (await fetch(`${house.url}/metrics`)).text()).toBe('figures 1\n');
  });
});

describe('closing', () => {
  it('ends running streams honestly and leaves their end on record', async () => {
    const closing = new TestHouse();
    const closingKey = closing.addKey('inference');
    await closing.start();
    closing.answer = async function* (_call, signal) {
      yield [started(), delta('Hel')];
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    };
    const response = await fetch(`${closing.url}/v1/chat/completions`, { method: 'POST', headers: { authorization: `Bearer ${closingKey}`, 'content-type': 'application/json' }, body: JSON.stringify({ ...hello, stream: true }) });
    const text = response.text();
    await until(() => closing.records().some(({ kind }) => kind === 'output'));
    await closing.stop();
    expect(JSON.parse(dataLines(await text).at(-1)!)).toMatchObject({ error: { code: 'server_is_draining' } });
    expect(closing.records().at(-1)).toMatchObject({ kind: 'completed', value: { outcome: 3, errorCode: 'draining' } });
  });

  it('says which port is taken', async () => {
    const port = Number(new URL(house.url).port);
    await expect(new TestHouse().start({ SLUICE_PORT: port })).rejects.toThrow(`Port ${port} of 127.0.0.1 is taken`);
  });
});
