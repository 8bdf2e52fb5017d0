import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { backendCall, collect, createKserveBackend, deployment, describeBackend, kinds, Member, remoteServer, textOf, type Backend, type BackendSubject, type KserveBackendOptions, type Signature, WholeAnswers } from '@sluice/inference-router/testing';
import { decodeTensor, encodeTensor } from '@sluice/kserve';
import { DEMO_WEIGHTS_CACHE } from '@sluice/local-engine/testing';
import { GRPCInferenceService, type ModelInferResponse } from '@sluice/proto/kserve';
import type { Client } from '@sluice/rpc';
import { GrpcClient } from '@sluice/rpc/grpc';
import { PACKAGE_CACHE, TritonServer } from '@sluice/stack/testing';
import { silentLogger } from '@sluice/telemetry';
import { bringModels } from './bring-models.ts';
import { SCRIPTED, ScriptedModel } from './testing/scripted-model.ts';

/** A machine from nothing brings two hundred megabytes first. */
const LONG_MS = 900_000;
const LANGUAGE = 'smollm2-135m-instruct';
const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const never = new AbortController().signal;

let triton: TritonServer;
let scripted: ScriptedModel;
let connection: GrpcClient;
let server: Client<typeof GRPCInferenceService>;
const backends: Backend[] = [];

beforeAll(async () => {
  triton = await TritonServer.start(async (repository, say, signal) => {
    await bringModels({ cache: PACKAGE_CACHE, weights: DEMO_WEIGHTS_CACHE, repository, say, signal });
    new ScriptedModel(repository).write(join(repository, LANGUAGE));
  });
  scripted = new ScriptedModel(triton.repository);
  connection = new GrpcClient({ addresses: [triton.grpc], clock: systemClock });
  server = connection.connect(GRPCInferenceService);
}, LONG_MS);
afterAll(async () => {
  connection.close();
  await triton.stop();
});
afterEach(async () => {
  for (const backend of backends.splice(0)) await backend.close();
});

async function signatureOf(name: string): Promise<Signature> {
  const { inputs, outputs } = await server.modelMetadata({ name });
  const plain = (tensors: typeof inputs) => tensors.map(({ name, datatype, shape }) => ({ name, datatype, shape: shape.map(Number) }));
  return { inputs: plain(inputs), outputs: plain(outputs) };
}

/** The router's adapter for a model of this server. */
async function backendOf(model: string, more: Partial<KserveBackendOptions['deployment']> = {}, mayUnload = true): Promise<Backend> {
  const described = { id: 'dep_1', target: triton.grpc, upstreamModel: model, weightsPath: '', digest: '', managed: false, signature: await signatureOf(model), ...more };
  const backend = createKserveBackend({ server: remoteServer(triton.grpc, systemClock), deployment: described, mayUnload: () => mayUnload, neighbours: () => [], wholeAnswers: new WholeAnswers(2 ** 30), clock: systemClock, logger: silentLogger });
  backends.push(backend);
  return backend;
}

const callOf = (model: string, content: string, fields: Record<string, unknown> = {}, choices = 1) => {
  const call = backendCall({ choices, more: Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, JSON.stringify(value)])) });
  call.call.messages = Buffer.from(JSON.stringify([{ role: 'user', content }]));
  return { ...call, upstreamModel: model };
};

async function untilReady(backend: Backend): Promise<void> {
  while (await backend.probe(never).then(() => false, () => true)) await pause(50);
}

function output(response: ModelInferResponse, name: string): Uint8Array {
  return response.rawOutputContents[response.outputs.findIndex((one) => one.name === name)]!;
}

describe('the language model', () => {
  const PARIS = 'What is the capital of France? Answer in one sentence.';

  it('has the template that its weights have', async () => {
    const { config } = await server.modelConfig({ name: LANGUAGE });
    const weights = readFileSync(join(triton.repository, LANGUAGE, '1', 'SmolLM2-135M-Instruct.Q4_1.gguf'));
    expect(weights.includes(config!.parameters['chat_template']!.stringValue)).toBe(true);
  });

  it('answers a chat in pieces, counts exactly, and counts a prompt as an answer to it does', async () => {
    const backend = await backendOf(LANGUAGE);
    await backend.probe(never);
    const events = await collect(backend.chat(callOf(LANGUAGE, PARIS, { temperature: 0 }), never));
    expect(textOf(events)).toContain('Paris');
    const usage = events.at(-1)!.event;
    expect(usage).toMatchObject({ case: 'usage', value: { estimated: false } });
    const { inputTokens, outputTokens } = usage.value as { inputTokens: bigint; outputTokens: bigint };
    // A token each, and the one that ends the answer.
    expect(Number(outputTokens)).toBe(kinds(events).filter((kind) => kind === 'delta').length + 1);
    expect(await backend.countInput!(callOf(LANGUAGE, PARIS), never)).toBe(Number(inputTokens));
    // An answer that is cut is counted as far as it came.
    const counts = events.flatMap(({ event }) => (event.case === 'counts' ? [[event.value.inputTokens, event.value.outputTokens]] : []));
    expect(counts).toEqual(counts.map((_, index) => [inputTokens, BigInt(index + 1)]));
    expect(counts.length).toBe(Number(outputTokens) - 1);
  });

  it('decodes several answers together', async () => {
    const backend = await backendOf(LANGUAGE);
    const order: number[] = [];
    for await (const batch of backend.chat(callOf(LANGUAGE, 'Tell me a story.', { max_tokens: 12, seed: 1 }, 4), never)) {
      for (const { event } of batch) if (event.case === 'delta') order.push(event.value.choice);
    }
    const firstEnd = Math.min(...[0, 1, 2, 3].map((choice) => order.lastIndexOf(choice)));
    expect(new Set(order.slice(0, firstEnd)).size).toBe(4);
  });

  it('writes what a schema asks for, and refuses one that it cannot be guided by', async () => {
    const backend = await backendOf(LANGUAGE);
    const guided = (schema: unknown) => callOf(LANGUAGE, PARIS, { temperature: 0, response_format: { type: 'json_schema', json_schema: { name: 'n', schema } } });
    const events = await collect(backend.chat(guided({ type: 'object', properties: { city: { enum: ['Paris', 'Rome'] } }, required: ['city'] }), never));
    expect(JSON.parse(textOf(events))).toEqual({ city: 'Paris' });
    await expect(collect(backend.chat(guided({ type: 'string', pattern: '(' }), never))).rejects.toMatchObject({ code: 'unsupported_parameter', param: 'response_format' });
  });

  it('gives log-probabilities of its own distribution, with the chosen token marked', async () => {
    const backend = await backendOf(LANGUAGE);
    const events = await collect(backend.chat(callOf(LANGUAGE, PARIS, { temperature: 0, max_tokens: 2, logprobs: true, top_logprobs: 3 }), never));
    const [first] = events.flatMap(({ event }) => (event.case === 'delta' ? [JSON.parse(Buffer.from(event.value.logprobsJson).toString()) as { content: { token: string; logprob: number; top_logprobs: { token: string }[] }[] }] : []));
    expect(first!.content[0]!.top_logprobs).toHaveLength(3);
    expect(first!.content[0]!.top_logprobs[0]!.token).toBe(first!.content[0]!.token);
  });

  it.each([
    [{ temperature: 9 }, { code: 'invalid_value', param: 'temperature' }],
    [{ logit_bias: { x: 1 } }, { code: 'invalid_value', param: 'logit_bias' }],
    [{ stop: [''] }, { code: 'invalid_value', param: 'stop' }],
    [{ max_completion_tokens: -1 }, { code: 'invalid_value', param: 'max_completion_tokens' }],
  ])('refuses %j by its name', async (fields, refusal) => {
    await expect(collect((await backendOf(LANGUAGE)).chat(callOf(LANGUAGE, PARIS, fields), never))).rejects.toMatchObject(refusal);
  });

  it('refuses a prompt beyond its context, and one more than it has room for', async () => {
    const backend = await backendOf(LANGUAGE);
    await expect(collect(backend.chat(callOf(LANGUAGE, 'word '.repeat(3000)), never))).rejects.toMatchObject({ code: 'context_length_exceeded', param: 'messages' });
    await expect(collect(backend.chat(callOf(LANGUAGE, 'Tell me a story.', {}, 100), never))).rejects.toMatchObject({ code: 'overloaded' });
    // Those who left while they waited give their room back as their turn comes.
    while (await collect(backend.chat(callOf(LANGUAGE, 'Hi', { max_tokens: 1 }), never)).then(() => false, () => true)) await pause(20);
  });

  it('holds when many ask, count and leave at once', async () => {
    const backend = await backendOf(LANGUAGE);
    const ask = async (caller: number, round: number): Promise<void> => {
      const choices = 1 + ((caller + round) % 2);
      for await (const batch of backend.chat(callOf(LANGUAGE, 'Hi', { max_tokens: 2, seed: round }, choices), never)) {
        if (caller % 4 === 0 && kinds(batch).includes('delta')) return;
      }
      if (caller % 4 === 1) await backend.countInput!(callOf(LANGUAGE, 'Hi'), never);
    };
    await Promise.all(Array.from({ length: 6 }, async (_, caller) => {
      for (let round = 0; round < 2; round++) await ask(caller, round);
    }));
  });

  it('stops writing when its reader leaves', async () => {
    const cancelled = async (): Promise<number> => Number(/outcome="cancelled"\} (\d+)/.exec(await (await fetch(triton.metrics)).text())![1]);
    const backend = await backendOf(LANGUAGE);
    const before = await cancelled();
    for await (const batch of backend.chat(callOf(LANGUAGE, 'Tell me a long story.', { seed: 1 }), never)) if (kinds(batch).includes('delta')) break;
    while ((await cancelled()) === before) await pause(20);
  });
});

describe('the embedding model', () => {
  const embed = async (text: string): Promise<number[]> => {
    const response = await server.modelInfer({ modelName: 'all-minilm-l6-v2', inputs: [{ name: 'text', datatype: 'BYTES', shape: [1n, 1n] }], rawInputContents: [encodeTensor('BYTES', [Buffer.from(text)])] });
    return decodeTensor('embedding', 'FP32', output(response, 'embedding'));
  };

  it('gives the similarities that its authors publish', async () => {
    const [sunny, weather, stadium] = await Promise.all(["It's so sunny outside!", 'The weather is lovely today.', 'He drove to the stadium.'].map(embed));
    const cosine = (a: number[], b: number[]): number => a.reduce((sum, value, index) => sum + value * b[index]!, 0);
    expect([cosine(weather!, sunny!), cosine(weather!, stadium!), cosine(sunny!, stadium!), cosine(sunny!, sunny!)].map((value) => value.toFixed(4))).toEqual(['0.6660', '0.1046', '0.1411', '1.0000']);
  });

  it('takes what comes together in one execution, which the platform sees in the statistics', async () => {
    const backend = await backendOf('all-minilm-l6-v2');
    await Promise.all(Array.from({ length: 48 }, async (_, index) => embed(`text number ${index}`)));
    while ((backend.statistics!()?.inferences ?? 0) < 48) await backend.probe(never);
    const { inferences, executions, batches } = backend.statistics!()!;
    expect(executions).toBeLessThan(inferences / 2);
    expect(Math.max(...batches.keys())).toBeGreaterThan(4);
  });

  it('answers no chat', async () => {
    await expect(collect((await backendOf('all-minilm-l6-v2')).chat(callOf('all-minilm-l6-v2', 'Hi'), never))).rejects.toMatchObject({ code: 'invalid_value', param: 'model' });
  });
});

describe('the defect detector', () => {
  const python = (...words: string[]): string => execFileSync('python3', words, { cwd: join(PROJECT, 'training'), encoding: 'latin1', maxBuffer: 1 << 24, env: { PATH: '/usr/bin:/bin', PYTHONDONTWRITEBYTECODE: '1', OPENBLAS_NUM_THREADS: '1', ...numpyPath() } });

  it('is as accurate on images that it has not seen as it is said to be', () => {
    const stated = JSON.parse(readFileSync(join(PROJECT, 'training', 'accuracy.json'), 'utf8')) as { accuracy: number; held_out_images: number };
    const measured = JSON.parse(python('train.py', 'evaluate')) as typeof stated;
    expect(measured.held_out_images).toBe(stated.held_out_images);
    expect(Math.abs(measured.accuracy - stated.accuracy)).toBeLessThan(0.01);
    expect(readFileSync(join(PROJECT, 'README.md'), 'utf8')).toContain(`**${Math.floor(stated.accuracy * 1000) / 10} %**`);
  });

  it('names defects of photographs, through both steps of the ensemble', async () => {
    const drawn = Buffer.from(python('-c', 'import sys, draw\nimages, labels = draw.draw(("none", "scratch", "dent", "stain"), 80, 99)\nfor image in images: sys.stdout.buffer.write(bytes([len(image)]) + image.tobytes())'), 'latin1');
    let right = 0;
    for (let at = 0, index = 0; at < drawn.length; index++) {
      const side = drawn[at]!;
      const image = drawn.subarray(at + 1, (at += 1 + side * side));
      const response = await server.modelInfer({ modelName: 'defect-detector', inputs: [{ name: 'image', datatype: 'UINT8', shape: [1n, BigInt(side), BigInt(side)] }], rawInputContents: [image] });
      const [confidence] = decodeTensor('confidence', 'FP32', output(response, 'confidence'));
      expect(confidence! > 0.25 && confidence! <= 1).toBe(true);
      right += Number(Buffer.from(decodeTensor('defect', 'BYTES', output(response, 'defect'))[0]!).toString() === ['none', 'scratch', 'dent', 'stain'][index % 4]);
    }
    expect(right).toBeGreaterThanOrEqual(70);
  }, LONG_MS);

  it('refuses at once whom its queue has no room for', async () => {
    const ask = async (parameters: Record<string, bigint> = {}) =>
      server.modelInfer({
        modelName: 'defect-classifier',
        parameters: Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, { parameterChoice: { case: 'int64Param' as const, value } }])),
        inputs: [{ name: 'normalised', datatype: 'FP32', shape: [1n, 32n, 32n] }],
        rawInputContents: [Buffer.alloc(4096)],
      });
    const messages = (outcomes: PromiseSettledResult<unknown>[]): string[] => outcomes.flatMap((one) => (one.status === 'rejected' ? [String(ServiceError.from(one.reason).cause)] : []));
    const crowd = messages(await Promise.allSettled(Array.from({ length: 600 }, async () => ask())));
    expect(new Set(crowd.map((message) => message.replace(/\[.*?\] /, '')))).toEqual(new Set(['ForeignGrpcStatus: Exceeds maximum queue size']));
    await expect(ask({ priority: 1n, timeout: 1_000_000n })).resolves.toBeDefined();
  });
});

describe('a text model on Triton', () => {
  beforeEach(async () => void (await server.repositoryModelLoad({ modelName: SCRIPTED })));

  describeBackend('the adapter of KServe v2, on a real server,', async (): Promise<BackendSubject> => {
    const backend = await backendOf(SCRIPTED);
    backends.splice(0);
    return {
      backend,
      answer: (pieces) => scripted.say({ pieces, then: 'end' }),
      stallAfter: (pieces) => scripted.say({ pieces, then: 'stall' }),
      failBeforeFirst: () => scripted.say({ pieces: [], then: 'fail' }),
      failAfter: (pieces) => scripted.say({ pieces, then: 'fail' }),
      cancelled: async () => scripted.cancelled(),
      makeUnhealthy: async () => void (await server.repositoryModelUnload({ modelName: SCRIPTED })),
      stop: () => Promise.resolve(),
    };
  });

  it('is loaded when it is ours to load, and unloaded with its deployment unless it is needed further', async () => {
    const managed = await backendOf(SCRIPTED, { managed: true }, false);
    await server.repositoryModelUnload({ modelName: SCRIPTED });
    await untilReady(managed);
    await managed.close();
    expect(await server.modelReady({ name: SCRIPTED })).toMatchObject({ ready: true });
    const last = await backendOf(SCRIPTED, { managed: true });
    backends.splice(0);
    await last.close();
    while ((await server.modelReady({ name: SCRIPTED })).ready) await pause(10);
  });

  it('is out of service with the first call that finds it unloaded by another router, and loaded again by the next check', async () => {
    const backend = await backendOf(SCRIPTED, { managed: true }, false);
    const other = await backendOf(SCRIPTED, { managed: true });
    const member = new Member(deployment('dep_1', { protocol: 'kserve' }), backend, systemClock, () => undefined);
    scripted.say({ pieces: ['whole'], then: 'end' });
    member.health.start();
    while (member.health.status !== 'up') await pause(10);
    backends.splice(backends.indexOf(other), 1);
    await other.close();
    while ((await server.modelReady({ name: SCRIPTED })).ready) await pause(10);
    const call = async (): Promise<ServiceError | undefined> => {
      const attempt = member.begin();
      const fault = await collect(backend.chat(backendCall(), never)).then(() => undefined, ServiceError.from);
      member.end(attempt, fault);
      return fault;
    };
    expect(await call()).toMatchObject({ code: 'backend_unavailable' });
    expect([member.isHealthy, member.reason]).toEqual([false, 'The model is not loaded at its server.']);
    while (!member.isHealthy) await pause(10);
    expect(await call()).toBeUndefined();
    member.retire();
  });

  it('that has other tensors than were registered is out of service, and says why', async () => {
    const { inputs, outputs } = await signatureOf(SCRIPTED);
    const backend = await backendOf(SCRIPTED, { signature: { inputs, outputs: outputs.slice(1) } });
    await expect(backend.probe(never)).rejects.toMatchObject({ code: 'backend_unavailable', message: expect.stringContaining('other tensors') });
  });

  it('whose process died is ejected by the first call that meets it, although its server says it is ready, and begun anew when it is ours', async () => {
    const backend = await backendOf(SCRIPTED, { managed: true }, false);
    const member = new Member(deployment('dep_1', { protocol: 'kserve' }), backend, systemClock, () => undefined);
    await untilReady(backend);
    scripted.say({ pieces: ['half'], then: 'die' });
    // Triton never ends such a stream: it is the router's deadlines that do.
    const leave = new AbortController();
    for await (const batch of backend.chat(backendCall(), leave.signal)) {
      expect(textOf(batch)).toBe('half');
      break;
    }
    scripted.say({ pieces: ['whole'], then: 'end' });
    const attempt = member.begin();
    const fault = await collect(backend.chat(backendCall(), never)).then(() => undefined, ServiceError.from);
    expect(fault).toMatchObject({ code: 'backend_unavailable' });
    expect(await server.modelReady({ name: SCRIPTED })).toMatchObject({ ready: true });
    member.end(attempt, fault);
    expect([member.isHealthy, member.reason]).toEqual([false, expect.stringContaining('process at its server died')]);
    await expect(backend.probe(never)).rejects.toMatchObject({ code: 'backend_unavailable' });
    await untilReady(backend);
    expect(textOf(await collect(backend.chat(backendCall(), never)))).toBe('whole');
    member.retire();
  });

  it('whose server is killed in mid-answer breaks off at once, and is found again when it is back', async () => {
    const backend = await backendOf(SCRIPTED);
    await backend.probe(never);
    scripted.say({ pieces: ['half'], then: 'stall' });
    const answers = backend.chat(backendCall(), never)[Symbol.asyncIterator]();
    expect(textOf((await answers.next()).value)).toBe('half');
    const broken = expect(answers.next()).rejects.toMatchObject({ code: 'upstream_error' });
    await triton.kill();
    await broken;
    await expect(backend.probe(never)).rejects.toMatchObject({ code: 'backend_unavailable' });
    await expect(collect(backend.chat(backendCall(), never))).rejects.toMatchObject({ code: 'backend_unavailable' });
    await triton.restart();
    await untilReady(backend);
    scripted.say({ pieces: ['back'], then: 'end' });
    expect(textOf(await collect(backend.chat(backendCall(), never)))).toBe('back');
  }, LONG_MS);
});

/** The numpy that Triton's models use: the machine's Python need not have one. */
function numpyPath(): Record<string, string> {
  const maps = execFileSync('sh', ['-c', 'cat /proc/$0/maps | grep -o "/.*/pytriton/tritonserver/bin/tritonserver" | head -1', String(triton.pid)], { encoding: 'utf8' }).trim();
  return { PYTHONPATH: join(maps, '..', '..', 'backends', 'python') };
}
