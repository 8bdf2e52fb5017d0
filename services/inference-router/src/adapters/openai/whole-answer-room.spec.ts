import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '@sluice/clock';
import { json, ScriptedUpstream, streamedChat, usageOf, wholeChat, type Script } from '@sluice/testkit';
import type { Backend } from '../../domain/backend.ts';
import { backendCall, collect, textOf } from '../../domain/backend.contract.ts';
import { OutOfRoom, WholeAnswers } from '../../domain/whole-answers.ts';
import { createOpenAiBackend } from './openai-backend.ts';
import { READ_AHEAD_LIMIT_BYTES } from './limits.ts';

const LIMIT_BYTES = 4 * READ_AHEAD_LIMIT_BYTES;
const HALF = { raw: ' '.repeat(LIMIT_BYTES / 2) };
const AS_JSON = { 'content-type': 'application/json' };
/** The rest of a whole answer whose beginning was white space. */
const REST = wholeChat({ pieces: ['whole'] }).steps;

/** The backend over a real server, with room for few bytes. */
describe('whole answers from an openai backend', () => {
  let upstream: ScriptedUpstream;
  let backend: Backend;
  let wholeAnswers: WholeAnswers;
  const never = new AbortController().signal;
  beforeEach(async () => {
    upstream = await ScriptedUpstream.start();
    wholeAnswers = new WholeAnswers(LIMIT_BYTES);
    backend = createOpenAiBackend({ target: upstream.baseUrl, credential: undefined, connections: 8, wholeAnswers, clock: systemClock });
  });
  afterEach(async () => {
    await backend.close();
    await upstream.stop();
  });

  const ask = async (script: Script, signal = never): Promise<string> => {
    upstream.next(script);
    return textOf(await collect(backend.chat(backendCall({ stream: false }), signal)));
  };
  const held = async (bytes: number): Promise<void> => {
    const deadlineMs = performance.now() + 30_000;
    while (wholeAnswers.heldBytes !== bytes && performance.now() < deadlineMs) await new Promise((resolve) => setImmediate(resolve));
    expect(wholeAnswers.heldBytes).toBe(bytes);
  };

  it('hold what came of them while they come, and nothing after', async () => {
    const gate = Promise.withResolvers<void>();
    const answer = ask({ headers: AS_JSON, steps: [HALF, { wait: gate.promise }, ...REST] });
    await held(LIMIT_BYTES / 2);
    gate.resolve();
    expect(await answer).toBe('whole');
    expect(wholeAnswers.heldBytes).toBe(0);
  });

  it('end as overloaded when all together have no more room; the backend hears of it, and the others go on', async () => {
    const gate = Promise.withResolvers<void>();
    const first = ask({ headers: AS_JSON, steps: [HALF, { wait: gate.promise }, ...REST] });
    await held(LIMIT_BYTES / 2);
    await expect(ask({ headers: AS_JSON, steps: [HALF, HALF, { stall: true }] })).rejects.toMatchObject({ code: 'overloaded', httpStatus: 503, cause: expect.any(OutOfRoom) });
    await (await upstream.received(1)).clientLeft;
    expect(wholeAnswers.heldBytes).toBe(LIMIT_BYTES / 2);
    gate.resolve();
    expect(await first).toBe('whole');
    expect(await ask({ headers: AS_JSON, steps: [HALF, ...REST] })).toBe('whole');
    expect(wholeAnswers.heldBytes).toBe(0);
  });

  it('keep their room until the consumer has taken over what they became', async () => {
    const message = { role: 'assistant', content: 'x' };
    const body = { choices: [{ index: 0, message, finish_reason: 'stop' }], usage: usageOf(1, 1) };
    upstream.next(json(200, body));
    const events = backend.chat(backendCall({ stream: false }), never)[Symbol.asyncIterator]();
    await events.next();
    expect(wholeAnswers.heldBytes).toBe(JSON.stringify(body).length);
    expect((await events.next()).done).toBe(true);
    expect(wholeAnswers.heldBytes).toBe(0);
  });

  it.each<[string, Script]>([
    ['breaks off', { headers: AS_JSON, steps: [HALF, { close: true }] }],
    ['is rubbish', { headers: AS_JSON, steps: [HALF, { raw: '{' }] }],
    ['is not JSON', { headers: { 'content-type': 'text/html' }, steps: [HALF] }],
    ['is an error', { status: 500, headers: AS_JSON, steps: [HALF] }],
  ])('give their room back when the answer %s', async (_, script) => {
    await expect(ask(script)).rejects.toMatchObject({ code: 'upstream_error' });
    expect(wholeAnswers.heldBytes).toBe(0);
  });

  it('give their room back when the caller leaves', async () => {
    const leave = new AbortController();
    const answer = ask({ headers: AS_JSON, steps: [HALF, { stall: true }] }, leave.signal);
    answer.catch(() => undefined);
    await held(LIMIT_BYTES / 2);
    leave.abort(new Error('left'));
    await expect(answer).rejects.toThrow('left');
    await (await upstream.received(0)).clientLeft;
    expect(wholeAnswers.heldBytes).toBe(0);
  });

  it('take no room from streams, nor streams from them', async () => {
    using full = wholeAnswers.begin();
    full.take(LIMIT_BYTES);
    upstream.next(streamedChat({ pieces: ['x'.repeat(2 * READ_AHEAD_LIMIT_BYTES)] }));
    expect(textOf(await collect(backend.chat(backendCall(), never)))).toHaveLength(2 * READ_AHEAD_LIMIT_BYTES);
    await expect(ask(wholeChat())).rejects.toMatchObject({ code: 'overloaded' });
  });
});
