import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '@sluice/clock';
import { ServiceError, toEnvelope } from '@sluice/errors';
import { errorEnvelope, json, ScriptedUpstream, streamedChat, wholeChat, type Script } from '@sluice/testkit';
import type { ChatEvent } from '@sluice/proto/chat/v1/chat';
import type { Backend } from '../../domain/backend.ts';
import { backendCall, collect, kinds, textOf } from '../../domain/backend.contract.ts';
import { WholeAnswers } from '../../domain/whole-answers.ts';
import { otherName, type LengthField } from './length-field.ts';
import { createOpenAiBackend } from './openai-backend.ts';

/** A server that takes the bound of the output by one name only, as OpenAI's models that think and Mistral's API do. */
function takesOnly(taken: LengthField): (request: { json(): Record<string, unknown> }) => Script {
  return (request) => {
    const body = request.json();
    if (!(otherName(taken) in body)) return body['stream'] ? streamedChat() : wholeChat();
    if (taken === 'max_tokens') return json(422, { object: 'error', message: { detail: [{ type: 'extra_forbidden', loc: ['body', 'max_completion_tokens'], msg: 'Extra inputs are not permitted', input: 9 }] }, type: 'invalid_request_error', param: null, code: null });
    return errorEnvelope(400, { message: "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", param: 'max_tokens', code: 'unsupported_parameter' });
  };
}

const refusing = (name: LengthField): Script => errorEnvelope(400, { message: `Unknown parameter: '${name}'.`, param: name, code: 'unknown_parameter' });
const tooLarge: Script = errorEnvelope(400, { message: 'max_tokens is too large: 9. This model supports at most 4 completion tokens.', param: 'max_tokens' });

describe('the bound of the output, at a server that takes one of its names only', () => {
  let upstream: ScriptedUpstream;
  let backend: Backend;
  const never = new AbortController().signal;
  beforeEach(async () => {
    upstream = await ScriptedUpstream.start();
    backend = createOpenAiBackend({ target: upstream.baseUrl, credential: undefined, connections: 8, wholeAnswers: new WholeAnswers(2 ** 30), clock: systemClock });
  });
  afterEach(async () => {
    await backend.close();
    await upstream.stop();
  });

  const chat = (more: Record<string, string>, stream = true): Promise<ChatEvent[]> => collect(backend.chat(backendCall({ stream, more }), never));
  const failure = (more: Record<string, string>): Promise<ServiceError> => chat(more).then(() => Promise.reject(new Error('the call succeeded')), ServiceError.from);
  const lengths = (): object[] =>
    upstream.requests.map((request) => Object.fromEntries(Object.entries(request.json()).filter(([name]) => name.startsWith('max_'))));

  for (const taken of ['max_tokens', 'max_completion_tokens'] as const) {
    const refused = otherName(taken);

    it.each([true, false])(`is asked for as ${taken} when ${refused} is refused, and at once from then on (stream: %s)`, async (stream) => {
      for (let call = 0; call < 4; call++) upstream.next(takesOnly(taken));
      const events = await chat({ seed: '12345678901234567890', [refused]: '9' }, stream);
      expect(events[0]!.event).toMatchObject({ case: 'attempt', value: { deploymentId: 'dep_1', versionId: 'ver_1', errorCode: 'upstream_refused' } });
      expect(kinds(events).filter((kind) => kind !== 'delta')).toEqual(['attempt', 'started', 'finished', 'usage']);
      expect(textOf(events)).toBe('The answer is 42.');
      // Nothing but the name is another.
      const [first, second] = upstream.requests.map(({ body }) => body.toString());
      expect(second).toBe(first!.replace(refused, taken));
      expect(kinds(await chat({ [refused]: '8' }, stream))).not.toContain('attempt');
      expect(kinds(await chat({ [taken]: '7' }, stream))).not.toContain('attempt');
      expect(lengths()).toEqual([{ [refused]: 9 }, { [taken]: 9 }, { [taken]: 8 }, { [taken]: 7 }]);
    });
  }

  it('is asked for by the first name again when the server was changed to take only that', async () => {
    for (const taken of ['max_tokens', 'max_tokens', 'max_completion_tokens', 'max_completion_tokens', 'max_completion_tokens'] as const) upstream.next(takesOnly(taken));
    for (let call = 0; call < 3; call++) await chat({ max_completion_tokens: '9' });
    expect(lengths()).toEqual([{ max_completion_tokens: 9 }, { max_tokens: 9 }, { max_tokens: 9 }, { max_completion_tokens: 9 }, { max_completion_tokens: 9 }]);
  });

  it('leaves the first refusal to the client when the other name is refused too, asks no third time, and learns nothing', async () => {
    upstream.next(refusing('max_completion_tokens'));
    upstream.next(refusing('max_tokens'));
    const error = await failure({ max_completion_tokens: '9' });
    expect([error.code, toEnvelope(error).error.param, upstream.requests.length]).toEqual(['upstream_refused', 'max_completion_tokens', 2]);
    upstream.next(streamedChat());
    await chat({ max_completion_tokens: '9' });
    expect(lengths()[2]).toEqual({ max_completion_tokens: 9 });
  });

  it('tells the client what the second answer says of anything else, and learns nothing from it', async () => {
    upstream.next(refusing('max_completion_tokens'));
    upstream.next(tooLarge);
    expect(await failure({ max_completion_tokens: '9' })).toMatchObject({ code: 'upstream_refused', message: expect.stringContaining('too large') });
    upstream.next(refusing('max_completion_tokens'));
    upstream.next(errorEnvelope(500));
    expect(await failure({ max_completion_tokens: '9' })).toMatchObject({ code: 'upstream_error' });
    upstream.next(streamedChat());
    await chat({ max_completion_tokens: '9' });
    expect(lengths()[4]).toEqual({ max_completion_tokens: 9 });
  });

  it.each<[string, Script, Record<string, string>]>([
    ['the value is refused', tooLarge, { max_tokens: '9' }],
    ['another field is refused', errorEnvelope(400, { message: "Unknown parameter: 'seed'.", param: 'seed', code: 'unknown_parameter' }), { max_tokens: '9', seed: '1' }],
    ['a call without a bound is refused', refusing('max_tokens'), {}],
    ['a call with both is refused', refusing('max_tokens'), { max_tokens: '9', max_completion_tokens: '9' }],
    ['the refusal is no JSON', { status: 400, headers: { 'content-type': 'text/plain' }, steps: [{ raw: "Unknown parameter: 'max_tokens'" }] }, { max_tokens: '9' }],
  ])('asks once when %s', async (_, script, more) => {
    upstream.next(script);
    await failure(more);
    expect(upstream.requests).toHaveLength(1);
  });

  it('asks no second time for a caller that left, or whose time is over, meanwhile', async () => {
    upstream.next(refusing('max_tokens'));
    const leave = new AbortController();
    const reason = new ServiceError('upstream_timeout', 'too late');
    const answers = backend.chat(backendCall({ more: { max_tokens: '9' } }), leave.signal)[Symbol.asyncIterator]();
    expect(kinds((await answers.next()).value as ChatEvent[])).toEqual(['attempt']);
    leave.abort(reason);
    await expect(answers.next()).rejects.toBe(reason);
    expect(upstream.requests).toHaveLength(1);
  });

  it('gives the second request up when its caller leaves', async () => {
    upstream.next(refusing('max_tokens'));
    upstream.next({ steps: [{ stall: true }], before: new Promise(() => undefined) });
    const leave = new AbortController();
    const reason = new ServiceError('cancelled', 'left');
    const answers = backend.chat(backendCall({ more: { max_tokens: '9' } }), leave.signal)[Symbol.asyncIterator]();
    await answers.next();
    const next = answers.next();
    next.catch(() => undefined);
    const second = await upstream.received(1);
    leave.abort(reason);
    await expect(next).rejects.toBe(reason);
    await second.clientLeft;
  });
});
