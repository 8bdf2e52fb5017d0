import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock, systemClock } from '@sluice/clock';
import { type ServiceError, toEnvelope } from '@sluice/errors';
import { chunk, errorEnvelope, htmlPage, json, ScriptedUpstream, streamedChat, usageChunk, usageOf, wholeChat, type Script } from '@sluice/testkit';
import type { ChatEvent } from '@sluice/proto/chat/v1/chat';
import type { Backend } from '../../domain/backend.ts';
import { backendCall, collect, describeBackend, kinds, textOf } from '../../domain/backend.contract.ts';
import { WholeAnswers } from '../../domain/whole-answers.ts';
import { createOpenAiBackend } from './openai-backend.ts';
import { ERROR_BODY_LIMIT_MS, EVENT_LIMIT_BYTES, READ_AHEAD_LIMIT_BYTES } from './limits.ts';

const CREDENTIAL = 'sk-planted-upstream-credential';
const open = (upstream: ScriptedUpstream): Backend =>
  createOpenAiBackend({ target: upstream.baseUrl, credential: CREDENTIAL, connections: 8, wholeAnswers: new WholeAnswers(2 ** 30), clock: systemClock });

describeBackend('the openai backend', async () => {
  const upstream = await ScriptedUpstream.start();
  const deltas = (pieces: readonly string[]) => pieces.map((content) => ({ event: chunk({ content }) }));
  return {
    backend: open(upstream),
    answer: (pieces) => upstream.next((request) => (request.json()['stream'] ? streamedChat({ pieces }) : wholeChat({ pieces }))),
    stallAfter: (pieces) => upstream.next({ steps: [...deltas(pieces), { stall: true }] }),
    failBeforeFirst: () => upstream.next(errorEnvelope(500)),
    failAfter: (pieces) => upstream.next({ steps: [...deltas(pieces), { event: { error: { message: 'out of memory', code: 500 } } }] }),
    cancelled: async () => (await upstream.received(upstream.requests.length - 1)).clientLeft,
    makeUnhealthy: async () => void (upstream.probeStatus = 503),
    stop: () => upstream.stop(),
  };
});

describe('the openai backend', () => {
  let upstream: ScriptedUpstream;
  let backend: Backend;
  const never = new AbortController().signal;
  beforeEach(async () => {
    upstream = await ScriptedUpstream.start();
    backend = open(upstream);
  });
  afterEach(async () => {
    await backend.close();
    await upstream.stop();
  });

  const chat = (script: Script, fields: Parameters<typeof backendCall>[0] = {}): Promise<ChatEvent[]> => {
    upstream.next(script);
    return collect(backend.chat(backendCall(fields), never));
  };
  const failure = (script: Script, fields: Parameters<typeof backendCall>[0] = {}): Promise<ServiceError> =>
    chat(script, fields).then(
      () => Promise.reject(new Error('the call succeeded')),
      (thrown: ServiceError) => thrown,
    );

  it('sends the client bytes unchanged, its own model name, and always asks for usage', async () => {
    await chat(streamedChat({ choices: 2 }), { choices: 2, more: { seed: '12345678901234567890', tools: '[ {"b":1, "a":1e400} ]', stream_options: '{}' } });
    const request = await upstream.received(0);
    expect(request.body.toString()).toBe(
      '{"model":"upstream-model","messages":[{"role":"user","content":"Hello"}],"seed":12345678901234567890,"tools":[ {"b":1, "a":1e400} ],"n":2,"stream":true,"stream_options":{"include_usage":true}}',
    );
    expect(request.path).toBe('/v1/chat/completions');
    expect(request.headers).toMatchObject({ authorization: `Bearer ${CREDENTIAL}`, 'content-type': 'application/json', accept: 'text/event-stream' });
    expect(Object.keys(request.headers).sort()).toEqual(['accept', 'authorization', 'connection', 'content-length', 'content-type', 'host', 'user-agent', 'x-request-id']);
  });

  it('asks for no stream options when the answer is not streamed', async () => {
    await chat(wholeChat(), { stream: false });
    expect((await upstream.received(0)).json()).toEqual({ model: 'upstream-model', messages: [{ role: 'user', content: 'Hello' }], stream: false });
  });

  it('reads several choices, interleaved, and one usage', async () => {
    const events = await chat(streamedChat({ pieces: [' a', ' b'], choices: 3 }), { choices: 3 });
    expect(kinds(events)).toEqual(['started', ...Array<string>(6).fill('delta'), 'finished', 'finished', 'finished', 'usage']);
    expect(events.at(-1)!.event.value).toMatchObject({ inputTokens: 7n, outputTokens: 6n, estimated: false });
  });

  it.each([1, 2, 3, 7, 64])('reads the same from a stream that is cut every %s bytes', async (splitEveryBytes) => {
    const pieces = [' größe', ' 🦥🦥', ' 汉字'];
    const events = await chat({ ...streamedChat({ pieces }), splitEveryBytes });
    expect(textOf(events)).toBe(pieces.join(''));
    expect(kinds(events).filter((kind) => kind !== 'delta')).toEqual(['started', 'finished', 'usage']);
  });

  it('uses its connections again', async () => {
    for (let call = 0; call < 5; call++) {
      await chat(streamedChat());
      await upstream.idle();
    }
    // The end of a body may still be on its way when the next call begins; then that call takes a second connection.
    expect(upstream.connections).toBeLessThanOrEqual(2);
  });

  it('takes an answer without [DONE] when its choices ended, and none that is cut before', async () => {
    const ended: Script = { steps: [{ event: chunk({ content: 'a' }) }, { event: chunk({}, { finish_reason: 'length' }) }] };
    expect((await chat(ended)).at(-2)!.event.value).toMatchObject({ reason: 'length' });
    expect((await failure({ steps: [{ event: chunk({ content: 'a' }) }] })).code).toBe('upstream_error');
    expect((await failure({ steps: [] , headers: { 'content-type': 'text/event-stream' }})).code).toBe('upstream_error');
  });

  it('estimates usage when none came, and says so', async () => {
    const events = await chat({ steps: [{ event: chunk({ content: 'x'.repeat(40) }) }, { event: chunk({}, { finish_reason: 'stop' }) }, { event: '[DONE]' }] });
    expect(events.at(-1)!.event.value).toMatchObject({ inputTokens: 3n, outputTokens: 10n, estimated: true });
  });

  it.each<[string, Script]>([
    ['a page of HTML', htmlPage(200)],
    ['a page of HTML with an error status', htmlPage(502)],
    ['a whole answer where a stream was asked for', wholeChat()],
    ['malformed JSON', { steps: [{ event: '{"choices":[' }] }],
    ['JSON that is no object', { steps: [{ event: '[1]' }] }],
    ['half an event', { headers: { 'content-type': 'text/event-stream' }, steps: [{ raw: 'data: {"choices":[{"ind' }, { close: true }] }],
    ['a choice nobody asked for', { steps: [{ event: chunk({ content: 'x' }, { index: 1 }) }] }],
    ['an endless line', { headers: { 'content-type': 'text/event-stream' }, steps: [{ repeat: 'x'.repeat(64 * 1024), times: (2 * EVENT_LIMIT_BYTES) / (64 * 1024) }] }],
    ['a reset after the status line', { headers: { 'content-type': 'text/event-stream' }, steps: [{ reset: true }] }],
    ['only [DONE]', { steps: [{ event: '[DONE]' }] }],
    ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:1/' }, steps: [] }],
  ])('calls it an upstream error: %s', async (_, script) => {
    const error = await failure(script);
    expect([error.code, error.httpStatus]).toEqual(['upstream_error', 502]);
  });

  it('passes a refusal on in the words of the backend', async () => {
    const error = await failure(errorEnvelope(400, { message: 'Bad schema.', param: 'response_format', code: 'invalid_json_schema' }));
    expect(error.code).toBe('upstream_refused');
    expect([error.httpStatus, toEnvelope(error)]).toEqual([
      400,
      { error: { message: 'Bad schema.', type: 'invalid_request_error', param: 'response_format', code: 'invalid_json_schema' } },
    ]);
  });

  it.each([401, 403])('keeps a refused credential to itself (%s)', async (status) => {
    const error = await failure(errorEnvelope(status, { message: `Incorrect API key provided: ${CREDENTIAL}` }));
    expect(error.code).toBe('upstream_error');
    expect(JSON.stringify(toEnvelope(error)) + String((error.cause as Error).message)).not.toContain('Incorrect');
  });

  it('does not wait for the rest of an error: its status is enough', async () => {
    const clock = new ManualClock();
    const impatient = createOpenAiBackend({ target: upstream.baseUrl, credential: undefined, connections: 1, wholeAnswers: new WholeAnswers(2 ** 30), clock });
    upstream.next({ status: 429, headers: { 'content-type': 'application/json' }, steps: [{ raw: '{"error":' }, { stall: true }] });
    let error: ServiceError | undefined;
    const failed = collect(impatient.chat(backendCall(), never)).catch((thrown: ServiceError) => (error = thrown));
    const deadlineMs = performance.now() + 60_000;
    while (!error && performance.now() < deadlineMs) {
      clock.advance(ERROR_BODY_LIMIT_MS);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await failed;
    expect(error).toMatchObject({ code: 'upstream_rate_limited' });
    await (await upstream.received(0)).clientLeft;
    await impatient.close();
  });

  it('says how long a limited backend wants to be left alone', async () => {
    const error = await failure(errorEnvelope(429, {}, { 'retry-after': '17' }));
    expect([error.code, error.retryAfterSeconds]).toEqual(['upstream_rate_limited', 17]);
  });

  it('surfaces an error inside a stream, behind the text that came before it', async () => {
    upstream.next({ steps: [{ event: chunk({ content: 'before' }) }, { event: { error: { message: 'boom', type: 'server_error' } } }] });
    let text = '';
    const reading = (async () => {
      for await (const events of backend.chat(backendCall(), never)) text += textOf(events);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'upstream_error' });
    expect(text).toBe('before');
  });

  it('counts usage wherever it comes', async () => {
    const usage = usageOf(3, 4);
    const finish = chunk({}, { finish_reason: 'stop' });
    const places: Script[] = [
      { steps: [{ event: chunk({ content: 'a' }) }, { event: { ...finish, usage } }, { event: '[DONE]' }] },
      { steps: [{ event: usageChunk(usage) }, { event: chunk({ content: 'a' }) }, { event: finish }, { event: '[DONE]' }] },
      { steps: [{ event: chunk({ content: 'a' }) }, { event: finish }, { event: usageChunk(usage) }] },
      { steps: [{ event: chunk({ content: 'a' }) }, { event: { ...finish, x_groq: { usage } } }, { event: '[DONE]' }] },
    ];
    for (const script of places) {
      expect((await chat(script)).at(-1)!.event.value).toMatchObject({ inputTokens: 3n, outputTokens: 4n, estimated: false, json: Buffer.from(JSON.stringify(usage)) });
    }
  });

  it('says that nothing listens when nothing does', async () => {
    await upstream.stop();
    await expect(collect(backend.chat(backendCall(), never))).rejects.toMatchObject({ code: 'backend_unavailable' });
    await expect(backend.probe(never)).rejects.toMatchObject({ code: 'backend_unavailable' });
  });

  it('stops reading from a backend whose answer nobody takes', async () => {
    const line = `data: ${JSON.stringify(chunk({ content: 'x'.repeat(1000) }))}\n\n`;
    upstream.next({ steps: [{ repeat: line, times: 100_000 }] });
    const answers = backend.chat(backendCall(), never)[Symbol.asyncIterator]();
    await answers.next();
    const request = await upstream.received(0);
    await request.readerSlow;
    // What the next read hands over is what was buffered here: the limit and the read that passed it.
    const { value } = await answers.next();
    expect(textOf(value as ChatEvent[]).length).toBeLessThan(READ_AHEAD_LIMIT_BYTES + 64 * 1024);
    await answers.return?.(undefined);
    await request.clientLeft;
  });

  it('answers the health check while every connection for calls is taken', async () => {
    const narrow = createOpenAiBackend({ target: upstream.baseUrl, credential: undefined, connections: 1, wholeAnswers: new WholeAnswers(2 ** 30), clock: systemClock });
    upstream.next({ steps: [{ event: chunk({ content: 'x' }) }, { stall: true }] });
    const answers = narrow.chat(backendCall(), never)[Symbol.asyncIterator]();
    await answers.next();
    await narrow.probe(never);
    await answers.return?.(undefined);
    await narrow.close();
  });

  it('gives a whole answer larger than allowed up', async () => {
    const script: Script = { headers: { 'content-type': 'application/json' }, steps: [{ repeat: ' '.repeat(1024 * 1024), times: 40 }] };
    expect((await failure(script, { stream: false })).code).toBe('upstream_error');
  });

  it('reads nothing behind [DONE]', async () => {
    const events = await chat({ steps: [...streamedChat().steps, { event: chunk({ content: 'ghost' }) }] });
    expect(textOf(events)).not.toContain('ghost');
  });

  it('reads a whole answer with tool calls as the same events', async () => {
    const message = { role: 'assistant', content: null, refusal: null, annotations: [], tool_calls: [{ id: 'call_a', type: 'function', function: { name: 'f', arguments: '{}' } }] };
    const events = await chat(json(200, { choices: [{ index: 0, message, finish_reason: 'tool_calls' }], usage: usageOf(1, 1) }), { stream: false });
    expect(events[1]!.event.value).toMatchObject({ text: '{}', tool: { index: 0, id: 'call_a', type: 'function', name: 'f' } });
    expect(events[2]!.event.value).toMatchObject({ extraJson: Buffer.from('{"annotations":[]}') });
  });
});
