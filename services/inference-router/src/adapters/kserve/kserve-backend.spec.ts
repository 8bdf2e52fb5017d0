import { inspect } from 'node:util';
import { create } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { ChatCallSchema, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import type { Logger } from '@sluice/telemetry';
import { createKserveBackend } from './kserve-backend.ts';
import { houseEngine } from './kserve-server.ts';
import { WholeAnswers } from '../../domain/whole-answers.ts';
import { ScriptedEngine } from './scripted-engine.ts';

const CHATML = `{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nBe good.<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}`;

const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, child: () => silent };

const DIGEST = `sha256:${'d'.repeat(64)}`;

let engine: ScriptedEngine;

beforeEach(() => {
  engine = new ScriptedEngine();
  engine.parameters = { chat_template: CHATML, bos_token: '<|im_start|>', eos_token: '<|im_end|>', weights_path: '/w/m.gguf' };
});

const backend = (target = 'local', logger = silent) =>
  createKserveBackend({ server: houseEngine(engine.client), deployment: { id: 'dep_1', target, upstreamModel: 'm', weightsPath: '/w/m.gguf', digest: DIGEST, managed: false, signature: undefined }, mayUnload: () => true, neighbours: () => [], wholeAnswers: new WholeAnswers(2 ** 30), clock: new ManualClock(), logger });

const callOf = (body: Readonly<Record<string, unknown>>, messages: unknown = [{ role: 'user', content: 'Hi' }]) => ({
  callId: 'c1',
  versionId: 'ver_1',
  deploymentId: 'dep_1',
  upstreamModel: 'm',
  call: create(ChatCallSchema, {
    model: 'm',
    messages: Buffer.from(JSON.stringify(messages)),
    fields: Object.entries(body).flatMap(([name, value]) => (name === 'n' ? [] : [{ name, json: Buffer.from(JSON.stringify(value)) }])),
    stream: true,
    choices: Number(body.n ?? 1),
  }),
});

async function ask(body: Readonly<Record<string, unknown>> = {}, messages?: unknown): Promise<ChatEvent[]> {
  const events: ChatEvent[] = [];
  for await (const batch of backend().chat(callOf(body, messages), new AbortController().signal)) events.push(...batch);
  return events;
}

const cases = (events: readonly ChatEvent[]) => events.map(({ event }) => event.case);

describe('a chat', () => {
  it('goes through the model\'s template and comes back as started, deltas, finished, usage', async () => {
    engine.script = () => [
      { textOutput: 'Hel', inputTokens: 9, outputTokens: 1, final: false },
      { textOutput: 'lo', inputTokens: 9, outputTokens: 2, final: false },
      { textOutput: '', inputTokens: 9, outputTokens: 1, finishReason: 'stop', final: true },
    ];
    const events = await ask({}, [{ role: 'developer', content: 'Rule' }, { role: 'user', content: [{ type: 'text', text: 'A' }, { type: 'text', text: 'B' }] }, { role: 'assistant', content: null }]);
    expect(engine.requests[0]!.textInput).toBe('<|im_start|>system\nRule<|im_end|>\n<|im_start|>user\nAB<|im_end|>\n<|im_start|>assistant\n<|im_end|>\n<|im_start|>assistant\n');
    expect(cases(events)).toEqual(['started', 'delta', 'counts', 'delta', 'counts', 'finished', 'usage']);
    expect(events[0]!.event.value).toMatchObject({ versionId: 'ver_1', deploymentId: 'dep_1' });
    expect(events[5]!.event.value).toMatchObject({ choice: 0, reason: 'stop' });
    expect(events[6]!.event.value).toMatchObject({ inputTokens: 9n, outputTokens: 4n, estimated: false });
  });

  it('comes with what the server counted up to each piece, over all choices, in the batch of that piece', async () => {
    const pieces = [3, 1, 2].map((outputTokens) => ({ textOutput: 'x', inputTokens: 9, outputTokens, final: false }));
    engine.script = () => [...pieces, { textOutput: '', inputTokens: 9, outputTokens: 1, finishReason: 'stop', final: true }];
    let produced = 0;
    let last: unknown;
    for await (const batch of backend().chat(callOf({ n: 2 }), new AbortController().signal)) {
      const counted = batch.at(-1)!.event;
      last = counted.value;
      if (counted.case === 'usage') continue;
      expect(counted).toMatchObject({ case: 'counts', value: { inputTokens: 9n, estimated: false } });
      const { outputTokens } = counted.value as { readonly outputTokens: bigint };
      expect(Number(outputTokens)).toBeGreaterThan(produced);
      produced = Number(outputTokens);
    }
    expect([produced, last]).toEqual([13, expect.objectContaining({ inputTokens: 9n, outputTokens: 14n })]);
  });

  it('says nothing of counts on the way where the server gives none, or the text came without a token', async () => {
    engine.script = () => [{ textOutput: 'a', final: false }, { textOutput: 'b', outputTokens: 2, final: false }, { textOutput: '', inputTokens: 4, outputTokens: 1, finishReason: 'stop', final: true }];
    expect(cases(await ask())).toEqual(['started', 'delta', 'delta', 'finished', 'usage']);
    engine.script = () => [{ textOutput: 'a', inputTokens: 4, outputTokens: 1, final: false }, { textOutput: 'b', inputTokens: 4, final: false }, { textOutput: '', inputTokens: 4, finishReason: 'stop', final: true }];
    expect(cases(await ask())).toEqual(['started', 'delta', 'counts', 'delta', 'finished', 'usage']);
  });

  it('asks for each choice by itself, counts the prompt once, and gives each its own seed', async () => {
    engine.script = ({ id }) => [{ textOutput: id, inputTokens: 5, outputTokens: 2, finishReason: 'length', final: true }];
    const events = await ask({ n: 3, seed: Number.MAX_SAFE_INTEGER });
    expect(events.flatMap(({ event }) => (event.case === 'delta' ? [[event.value.choice, event.value.text]] : []))).toEqual([[0, 'c1-0'], [1, 'c1-1'], [2, 'c1-2']]);
    expect(new Set(engine.requests.map(({ sampling }) => sampling.seed)).size).toBe(3);
    expect(cases(events).filter((name) => name === 'started' || name === 'usage')).toEqual(['started', 'usage']);
    expect(events.at(-1)!.event.value).toMatchObject({ inputTokens: 5n, outputTokens: 6n });
  });

  it('hands the settings over by the engine\'s names', async () => {
    engine.script = () => [{ textOutput: 'x', finishReason: 'stop', final: true }];
    await ask({
      temperature: 0.5, top_p: 0.9, max_completion_tokens: 1e12, stop: 'END', seed: 4, frequency_penalty: 1, presence_penalty: -1, logit_bias: { '5': 2 },
      logprobs: true, top_logprobs: 2, user: 'u', metadata: { a: 'b' }, stream_options: { include_usage: true }, store: false, service_tier: 'auto', tool_choice: 'none', tools: [{ type: 'function' }], modalities: ['text'], top_k: 7,
    });
    expect(engine.requests[0]!.sampling).toEqual({
      temperature: 0.5, top_p: 0.9, max_tokens: 2 ** 31 - 1, stop: ['END'], seed: 4, frequency_penalty: 1, presence_penalty: -1, logit_bias: { '5': 2 }, logprobs: 2, top_k: 7,
    });
    await ask({ response_format: { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object' } } } });
    expect(engine.requests[1]!.sampling).toEqual({ guided_decoding: { json: { type: 'object' } } });
  });

  it('writes log-probabilities as OpenAI does', async () => {
    const step = { token: 7, text: 'é', logprob: -0.5, top: [{ token: 7, text: 'é', logprob: -0.5 }, { token: 8, text: '\uFFFD', logprob: -2 }] };
    engine.script = () => [{ textOutput: 'é', logprobs: [step], finishReason: 'stop', final: true }];
    const [, event] = await ask({ logprobs: true, top_logprobs: 2 });
    const json = event!.event.case === 'delta' ? Buffer.from(event!.event.value.logprobsJson).toString() : '';
    expect(JSON.parse(json)).toEqual({
      content: [{ token: 'é', logprob: -0.5, bytes: [195, 169], top_logprobs: [{ token: 'é', logprob: -0.5, bytes: [195, 169] }, { token: '\uFFFD', logprob: -2, bytes: null }] }],
      refusal: null,
    });
  });

  it.each([
    [{ tools: [{ type: 'function', function: { name: 'f' } }] }, 'tools'],
    [{ tool_choice: 'required' }, 'tool_choice'],
    [{ audio: { voice: 'x' } }, 'audio'],
    [{ modalities: ['text', 'audio'] }, 'modalities'],
    [{ prediction: { type: 'content', content: '' } }, 'prediction'],
    [{ web_search_options: {} }, 'web_search_options'],
    [{ functions: [{ name: 'f' }] }, 'functions'],
    [{ reasoning_effort: 'high' }, 'reasoning_effort'],
    [{ store: true }, 'store'],
    [{ response_format: { type: 'grammar' } }, 'response_format'],
    [{ guided_regex: 'a+' }, 'guided_regex'],
    [{ constructor: 1 }, 'constructor'],
  ])('refuses %j by name and asks the engine nothing', async (body, param) => {
    await expect(ask(body)).rejects.toMatchObject({ code: 'unsupported_parameter', param });
    expect(engine.requests).toHaveLength(0);
  });

  it.each([
    [[{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }], 'messages[0].content[0].type'],
    [[{ role: 'constructor', content: 'a' }], 'messages[0].role'],
    [[{ role: 'user', content: 'a' }, { role: 'tool', content: 'b', tool_call_id: 'c' }], 'messages[1].role'],
    [[{ role: 'assistant', content: null, tool_calls: [{ id: 'a' }] }], 'messages[0].tool_calls'],
  ])('refuses what is not text by its path', async (messages, param) => {
    await expect(ask({}, messages)).rejects.toMatchObject({ code: 'unsupported_parameter', param });
  });

  it('passes the engine\'s refusals on, with the client\'s name of the field', async () => {
    const refuseWith = (error: ServiceError) => {
      engine.script = () => {
        throw error;
      };
    };
    refuseWith(new ServiceError('context_length_exceeded', 'Too long.', { param: 'text_input' }));
    await expect(ask()).rejects.toMatchObject({ code: 'context_length_exceeded', param: 'messages' });
    refuseWith(new ServiceError('unsupported_parameter', 'No.', { param: 'guided_decoding' }));
    await expect(ask()).rejects.toMatchObject({ param: 'response_format' });
    refuseWith(new ServiceError('invalid_value', 'No.', { param: 'max_tokens' }));
    await expect(ask({ max_completion_tokens: 1 })).rejects.toMatchObject({ param: 'max_completion_tokens' });
    refuseWith(new ServiceError('overloaded', 'Full.', { retryAfterSeconds: 3 }));
    await expect(ask()).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 3 });
    refuseWith(new ServiceError('model_not_found', 'Gone.'));
    await expect(ask()).rejects.toMatchObject({ code: 'backend_unavailable' });
  });

  it('does not take half an answer, an unknown end or a foreign response for an answer', async () => {
    engine.script = () => [{ textOutput: 'x', final: false }];
    await expect(ask()).rejects.toMatchObject({ code: 'upstream_error' });
    engine.script = () => [{ textOutput: 'x', finishReason: 'mystery', final: true }];
    await expect(ask()).rejects.toMatchObject({ code: 'upstream_error' });
    engine.script = () => [{ textOutput: 'x', final: false }, { textOutput: '', finishReason: 'stop', final: true }, { textOutput: 'late', final: true }];
    expect(cases(await ask())).toEqual(['started', 'delta', 'finished', 'usage']);
  });

  it('cancels at the engine when the caller leaves or aborts', async () => {
    let engineSignal: AbortSignal | undefined;
    engine.script = async function* (_, signal) {
      engineSignal = signal;
      yield { textOutput: 'x', final: false };
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    };
    for await (const _ of backend().chat(callOf({}), new AbortController().signal)) break;
    expect(engineSignal?.aborted).toBe(true);
    const controller = new AbortController();
    const reason = new ServiceError('deadline_exceeded', 'late');
    const reading = (async () => {
      for await (const _ of backend().chat(callOf({}), controller.signal)) controller.abort(reason);
    })();
    await expect(reading).rejects.toBe(reason);
    expect(engineSignal?.aborted).toBe(true);
  });

  it('says that a template does not take the messages, without the template\'s words', async () => {
    engine.parameters = { chat_template: "{{ raise_exception('no ' + messages[0]['content']) }}" };
    const failure = await ask({}, [{ role: 'user', content: 'secret' }]).catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ code: 'invalid_value', param: 'messages' });
    expect(inspect(failure)).not.toContain('secret');
    engine.parameters = {};
    await expect(ask()).rejects.toMatchObject({ code: 'failed_precondition' });
    engine.parameters = { chat_template: '{% if %}' };
    await expect(ask()).rejects.toMatchObject({ code: 'failed_precondition' });
  });
});

describe('the tokens of a prompt', () => {
  const never = new AbortController().signal;
  const counted = { textOutput: '', inputTokens: 37, outputTokens: 0, finishReason: 'length', final: true };
  const count = (messages?: unknown, signal = never) => backend().countInput!(callOf({ temperature: 0.5, max_tokens: 300 }, messages), signal);

  it('are asked of a server that says it counts, with no token of answer, for the very prompt that a chat would send', async () => {
    engine.parameters.counts_prompt_tokens = 'true';
    engine.script = () => [counted];
    const messages = [{ role: 'user', content: [{ type: 'text', text: 'A' }, { type: 'text', text: 'B' }] }];
    expect(await count(messages)).toBe(37);
    expect(engine.requests).toEqual([]);
    expect(engine.wholeRequests).toMatchObject([{ id: 'c1', model: 'm', stream: false, sampling: { max_tokens: 0 }, returnInputTokens: true, returnOutputTokens: true, excludeInputInOutput: true }]);
    await ask({}, messages);
    expect(engine.requests.map(({ textInput }) => textInput)).toEqual(engine.wholeRequests.map(({ textInput }) => textInput));
  });

  it.each([undefined, '', 'false', '1'])('are not asked of a server that does not say so, which would write an answer: %s', async (said) => {
    if (said !== undefined) engine.parameters.counts_prompt_tokens = said;
    expect(await count()).toBeUndefined();
    expect([engine.requests, engine.wholeRequests]).toEqual([[], []]);
  });

  it.each([
    ['wrote something', { ...counted, outputTokens: 1 }],
    ['counted nothing', { ...counted, inputTokens: 0 }],
  ])('are not known from a server that %s', async (_, response) => {
    engine.parameters.counts_prompt_tokens = 'true';
    engine.script = () => [response];
    expect(await count()).toBeUndefined();
  });

  it('are not known from a server that refuses, is away, or is left', async () => {
    engine.parameters.counts_prompt_tokens = 'true';
    engine.script = () => {
      throw new ServiceError('context_length_exceeded', 'Too long.', { param: 'text_input' });
    };
    await expect(count()).rejects.toMatchObject({ code: 'context_length_exceeded', param: 'messages' });
    await expect(count([{ role: 'user', content: [{ type: 'image_url' }] }])).rejects.toMatchObject({ code: 'unsupported_parameter' });
    engine.script = () => {
      throw new ServiceError('model_not_found', 'Gone.');
    };
    await expect(count()).rejects.toMatchObject({ code: 'backend_unavailable' });
    const leaving = new AbortController();
    engine.script = async function* (_, signal) {
      leaving.abort(new ServiceError('deadline_exceeded', 'late'));
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    };
    await expect(count(undefined, leaving.signal)).rejects.toMatchObject({ code: 'deadline_exceeded' });
  });
});

describe('the model of a deployment', () => {
  const never = new AbortController().signal;

  it('is loaded once, however many ask, when it is ours to load', async () => {
    engine.isReady = false;
    let letGo: () => void = () => undefined;
    engine.beforeLoaded = new Promise((resolve) => (letGo = resolve));
    const one = backend();
    const probes = Promise.all([one.probe(never), one.probe(never), one.probe(never)]);
    const impatient = new AbortController();
    const left = one.probe(impatient.signal);
    while (engine.loads.length === 0) await new Promise((resolve) => setImmediate(resolve));
    impatient.abort(new ServiceError('deadline_exceeded', 'late'));
    await expect(left).rejects.toMatchObject({ code: 'deadline_exceeded' });
    letGo();
    await probes;
    expect(engine.loads).toHaveLength(1);
    expect(engine.loads[0]).toMatchObject({ modelName: 'm', parameters: { weights_path: { parameterChoice: { value: '/w/m.gguf' } }, weights_digest: { parameterChoice: { value: DIGEST } } } });
  });

  it('that is not there says how to add it, and not where it was looked for', async () => {
    engine.isReady = false;
    engine.loadFailure = new ServiceError('model_not_installed', 'no file /w/m.gguf');
    const failure = await backend().probe(never).catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ code: 'model_not_installed' });
    expect(String(failure)).toMatch(/weights are missing.*model add NAME --gguf FILE.*--openai URL/);
    expect(String(failure)).not.toContain('/w/');
    engine.loadFailure = undefined;
    await expect(backend().probe(never)).resolves.toBeUndefined();
  });

  it('that cannot be loaded is away, in a fixed text; the engine\'s own words go to the log, once', async () => {
    engine.isReady = false;
    engine.loadFailure = new ServiceError('failed_precondition', 'junk at /w/m.gguf', { cause: new Error('/w/m.gguf') });
    const warnings: unknown[] = [];
    const logger: Logger = { ...silent, warn: (fields) => void warnings.push(fields) };
    const one = backend('local', logger);
    for (let time = 0; time < 2; time++) {
      const failure = await one.probe(never).catch((thrown: unknown) => thrown);
      expect(failure).toMatchObject({ code: 'backend_unavailable', message: expect.stringMatching(/^The model 'm' cannot be loaded: its weights are/) });
      expect(String(failure)).not.toContain('/w/');
    }
    expect(warnings).toEqual([{ deploymentId: 'dep_1', weightsPath: '/w/m.gguf', error: engine.loadFailure }]);
  });

  it('is not waited for without end: a server that does not answer has failed', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    try {
      engine.isReady = false;
      engine.beforeLoaded = new Promise(() => undefined);
      const loading = backend().probe(never);
      loading.catch(() => undefined);
      await jest.advanceTimersByTimeAsync(11 * 60_000);
      await expect(loading).rejects.toMatchObject({ code: 'upstream_timeout' });

      engine.isReady = true;
      engine.beforeConfig = new Promise(() => undefined);
      const asked = ask();
      const released = backend().close();
      asked.catch(() => undefined);
      await jest.advanceTimersByTimeAsync(5_000);
      await expect(asked).rejects.toMatchObject({ code: 'upstream_timeout' });
      await released;
      expect(engine.unloads).toEqual([]);
    } finally {
      jest.useRealTimers();
    }
  });

  it('is not waited for when its deployment is taken away while it is loaded', async () => {
    engine.isReady = false;
    engine.beforeLoaded = new Promise(() => undefined);
    const warnings: unknown[] = [];
    const one = backend('local', { ...silent, warn: (fields) => void warnings.push(fields) });
    const probed = one.probe(never);
    probed.catch(() => undefined);
    while (engine.loads.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await one.close();
    await expect(probed).rejects.toMatchObject({ code: 'cancelled' });
    expect([engine.loadSignals[0]!.aborted, warnings]).toEqual([true, []]);
  });

  it('is waited for, not loaded, when it is another server\'s or comes back by itself', async () => {
    engine.isReady = false;
    await expect(backend('http://triton:8001').probe(never)).rejects.toMatchObject({ code: 'backend_unavailable' });
    engine.isRestarting = true;
    await expect(backend().probe(never)).rejects.toMatchObject({ code: 'backend_unavailable' });
    expect(engine.loads).toHaveLength(0);
  });

  it('is unloaded with its deployment, unless its name means other weights now', async () => {
    await backend('http://triton:8001').close();
    engine.parameters = { ...engine.parameters, weights_path: '/w/other.gguf' };
    await backend().close();
    expect(engine.unloads).toEqual([]);
    engine.parameters = { ...engine.parameters, weights_path: '/w/m.gguf' };
    await backend().close();
    expect(engine.unloads).toEqual(['m']);
  });
});
