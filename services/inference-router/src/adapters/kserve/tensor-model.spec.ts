import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { ForeignGrpcStatus, ServiceError } from '@sluice/errors';
import { intParameter } from '@sluice/kserve';
import { ChatCallSchema, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import { GRPCInferenceService, ModelInferRequestSchema, ModelInferResponseSchema, ModelMetadataResponseSchema, type ModelInferRequest, type ModelInferResponse } from '@sluice/proto/kserve';
import { ModelConfigSchema } from '@sluice/proto/model_config';
import { InProcessTransport, type Implementation } from '@sluice/rpc';
import { silentLogger } from '@sluice/telemetry';
import type { Signature } from '../../domain/deployment.ts';
import { AbsentBackend } from '../../domain/backend-fault.ts';
import { verdictOf } from '../../domain/verdict.ts';
import { TensorModel } from './tensor-model.ts';
import { OutOfRoom, WholeAnswers } from '../../domain/whole-answers.ts';
import { unaryFault } from './unary-fault.ts';

const SIGNATURE = { inputs: [{ name: 'x', datatype: 'UINT8', shape: [2] }], outputs: [{ name: 'y', datatype: 'UINT8', shape: [2] }] };
const OPEN = { ...SIGNATURE, outputs: [{ name: 'y', datatype: 'UINT8', shape: [-1] }] };
const LANGUAGE = { inputs: [{ name: 'text_input', datatype: 'BYTES', shape: [1] }], outputs: [{ name: 'text_output', datatype: 'BYTES', shape: [-1] }] };
const MIB = 2 ** 20;
const never = new AbortController().signal;

type Answer = (request: ModelInferRequest, signal: AbortSignal) => Promise<MessageInitShape<typeof ModelInferResponseSchema>>;

/** A server over the real transport, and what it was asked. */
function served(answer: Answer, signature: Signature | null = SIGNATURE, failsWith?: ServiceError, wholeAnswers = new WholeAnswers(2 ** 30), describesWith?: ServiceError) {
  const asked: ModelInferRequest[] = [];
  const questions: string[] = [];
  let revived = 0;
  const transport = new InProcessTransport({ freezeStreams: true });
  transport.serve(GRPCInferenceService, {
    modelInfer: async (request, { signal }) => {
      asked.push(request);
      return create(ModelInferResponseSchema, await answer(request, signal));
    },
    modelReady: async () => {
      questions.push('ready');
      if (describesWith) throw describesWith;
      return { ready: true };
    },
    modelMetadata: async ({ name }) => (questions.push('metadata'), { name, platform: 'python', inputs: [{ name: 'x', datatype: 'UINT8', shape: [2n] }] }),
    modelConfig: async ({ name }) => (questions.push('config'), { config: { name, maxBatchSize: 8, input: [{ name: 'x' }], parameters: { secret: { stringValue: '/srv/model' } }, instanceGroup: [{ count: 3 }] } }),
  } as Partial<Implementation<typeof GRPCInferenceService>> as Implementation<typeof GRPCInferenceService>);
  const client = transport.connect(GRPCInferenceService);
  const model = new TensorModel({
    server: { client: failsWith ? { ...client, modelInfer: () => Promise.reject(failsWith) } : client }, deployment: { id: 'dep_1', upstreamModel: 'up', versionNumber: 4, signature: signature ?? undefined },
    revive: async () => void revived++, wholeAnswers, clock: new ManualClock(), logger: silentLogger,
  });
  return { asked, questions, model, revived: () => revived };
}

const request = create(ModelInferRequestSchema, { modelName: 'seen', modelVersion: '4', id: 'r-1', parameters: { priority: intParameter(1n) }, inputs: [{ name: 'x', datatype: 'UINT8', shape: [2n] }], outputs: [{ name: 'y' }], rawInputContents: [Uint8Array.of(1, 2)] });
const call = { callId: 'c1', versionId: 'ver_1', deploymentId: 'dep_1', upstreamModel: 'up', call: create(ChatCallSchema, { model: 'seen', choices: 1, tensors: toBinary(ModelInferRequestSchema, request) }) };
const ANSWER = { modelName: 'up', modelVersion: '77', id: 'c1', outputs: [{ name: 'y', datatype: 'UINT8', shape: [2n] }], rawOutputContents: [Uint8Array.of(2, 4)] };

async function infer(model: TensorModel, signal = never): Promise<ChatEvent[]> {
  const events: ChatEvent[] = [];
  for await (const batch of model.infer(call, signal)) events.push(...batch);
  return events;
}

const answerOfBytes = (bytes: number) => ({ outputs: [{ name: 'y', datatype: 'UINT8', shape: [BigInt(bytes)] }], rawOutputContents: [new Uint8Array(bytes)] });

/** Calls whose answers are there and are kept, so that they take their room. */
async function beginAtOnce(model: TensorModel, calls: number) {
  const answers = Array.from({ length: calls }, () => model.infer(call, never));
  return { answers, began: await Promise.allSettled(answers.map((answer) => answer.next())) };
}

function answerOf(events: readonly ChatEvent[]): ModelInferResponse {
  const found = events.find(({ event }) => event.case === 'tensors')!.event;
  return fromBinary(ModelInferResponseSchema, found.case === 'tensors' ? found.value.response : new Uint8Array());
}

const failure = (model: TensorModel): Promise<ServiceError> => infer(model).then(() => Promise.reject(new Error('it did not fail')), (thrown: unknown) => ServiceError.from(thrown));

describe('a model of tensors at its server', () => {
  it('is asked by its name there, with our id, and answers by the names that the client knows', async () => {
    const { asked, model } = served(async () => ANSWER);
    const events = await infer(model);
    expect(asked).toMatchObject([{ modelName: 'up', modelVersion: '', id: 'c1', inputs: [{ name: 'x' }], outputs: [{ name: 'y' }] }]);
    expect(asked[0]!.parameters['priority']!.parameterChoice.value).toBe(1n);
    expect(answerOf(events)).toMatchObject({ modelName: 'seen', modelVersion: '4', id: 'r-1', outputs: [{ name: 'y' }] });
    expect(events.map(({ event }) => event.case)).toEqual(['started', 'tensors', 'usage']);
    expect(events[2]!.event.value).toMatchObject({ inputTokens: 1n, outputTokens: 0n, estimated: false });
  });

  it('is asked only while there is room for answers as long as its latest ones', async () => {
    const room = new WholeAnswers(2.5 * MIB);
    const { asked, model } = served(async () => answerOfBytes(MIB), OPEN, undefined, room);
    for (let answer = 0; answer < 20; answer++) await infer(model);
    expect([room.heldBytes, asked.length]).toEqual([0, 20]);
    const { answers, began } = await beginAtOnce(model, 3);
    expect(began.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect([asked.length, (began[2] as PromiseRejectedResult).reason]).toMatchObject([22, { code: 'overloaded', cause: expect.any(OutOfRoom) }]);
    for (const answer of answers) await answer.return(undefined);
    expect(room.heldBytes).toBe(0);
  });

  it.each([
    ['after one long answer, where its signature leaves the length open', OPEN, 31 * MIB, 20],
    ['more than there was room for at a guess, where its signature says the length', SIGNATURE, 4, 1_000],
  ])('answers many short ones at once: %s', async (_when, signature, firstBytes, calls) => {
    const room = new WholeAnswers(128 * MIB);
    let bytes = firstBytes;
    const { model } = served(async () => answerOfBytes(bytes), signature, undefined, room);
    await infer(model);
    bytes = 4;
    const { answers, began } = await beginAtOnce(model, calls);
    expect(began.filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(room.heldBytes).toBeLessThan(calls * 1024);
    for (const answer of answers) await answer.return(undefined);
    expect(room.heldBytes).toBe(0);
  });

  it.each([['says', SIGNATURE], ['leaves open', OPEN]])('takes the room that its answer has, however long its signature %s that it is, or finds none', async (_what, signature) => {
    const room = new WholeAnswers(1.5 * MIB);
    const { answers, began } = await beginAtOnce(served(async () => answerOfBytes(MIB), signature, undefined, room).model, 2);
    expect(began.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect((began[1] as PromiseRejectedResult).reason).toMatchObject({ code: 'overloaded', cause: expect.any(OutOfRoom) });
    expect(room.heldBytes).toBeGreaterThan(MIB);
    for (const answer of answers) await answer.return(undefined);
    expect(room.heldBytes).toBe(0);
  });

  it('is not asked for more elements than JSON takes, where that is known before', async () => {
    const fixed = { inputs: [{ name: 'x', datatype: 'UINT8', shape: [2] }], outputs: [{ name: 'y', datatype: 'UINT8', shape: [131_073] }] };
    const batched = { inputs: [{ name: 'x', datatype: 'UINT8', shape: [-1] }], outputs: [{ name: 'y', datatype: 'UINT8', shape: [-1, 70_000] }] };
    for (const [signature, questions] of [[fixed, []], [batched, ['ready', 'metadata', 'config']]] as const) {
      const house = served(async () => ANSWER, signature);
      const refused = house.model.infer({ ...call, jsonOutputs: [] }, never).next();
      await expect(refused).rejects.toMatchObject({ code: 'invalid_value', param: 'y', message: expect.stringContaining('ask for it as binary data') });
      expect([house.asked, house.questions]).toEqual([[], questions]);
      await infer(house.model);
      expect(house.asked).toHaveLength(1);
    }
  });

  it('is asked for what may be too much for JSON where its server does not say whether it batches', async () => {
    const { model, asked } = served(async () => ANSWER, { inputs: [{ name: 'x', datatype: 'UINT8', shape: [-1] }], outputs: [{ name: 'y', datatype: 'UINT8', shape: [-1, 70_000] }] }, undefined, undefined, new ServiceError('upstream_timeout', 'slow'));
    await model.infer({ ...call, jsonOutputs: [] }, never).next();
    expect(asked).toHaveLength(1);
  });

  it('may answer in typed contents, which are recorded in the one form', async () => {
    const { model } = served(async () => ({ outputs: [{ name: 'y', datatype: 'INT32', shape: [1n], contents: { intContents: [-1] } }] }));
    expect([...answerOf(await infer(model)).rawOutputContents[0]!]).toEqual([255, 255, 255, 255]);
  });

  it.each<[string, Answer]>([
    ['fewer bytes than its shape says', async () => ({ ...ANSWER, rawOutputContents: [Uint8Array.of(2)] })],
    ['data of more tensors than it has', async () => ({ ...ANSWER, rawOutputContents: [Uint8Array.of(2, 4), Uint8Array.of(1)] })],
    ['a datatype that there is not', async () => ({ ...ANSWER, outputs: [{ name: 'y', datatype: 'FP7', shape: [2n] }] })],
  ])('that answers with %s has failed', async (_what, answer) => {
    expect(await failure(served(answer).model)).toMatchObject({ code: 'upstream_error' });
  });

  it('has failed, and would elsewhere, when its answer is longer than an answer may be', async () => {
    const error = await failure(served(async () => ({ outputs: [{ name: 'y', datatype: 'UINT8', shape: [33_554_432n] }], rawOutputContents: [new Uint8Array(33_554_432)] })).model);
    expect([error.code, verdictOf(error)]).toEqual(['upstream_error', 'works']);
  });

  it.each<[number, string, string, ReturnType<typeof verdictOf>]>([
    [3, "[request id: c1] unexpected inference input 'z' for model 'up'", 'upstream_refused', 'works'],
    [3, '', 'upstream_refused', 'works'],
    [4, 'Deadline Exceeded', 'upstream_timeout', 'broken'],
    [5, "Request for unknown model: 'up' is not found", 'backend_unavailable', 'broken'],
    [8, 'Received message larger than max (70000000 vs 67108864)', 'upstream_error', 'works'],
    [8, 'Bandwidth exhausted or memory limit exceeded', 'upstream_error', 'broken'],
    [12, "ModelInfer RPC doesn't support models with decoupled transaction policy", 'invalid_value', 'nothing'],
    [13, "Failed to process the request(s) for model 'up_0_0', message: ValueError: private", 'upstream_error', 'works'],
    [13, "Stub process 'up_0_0' is not healthy.", 'upstream_error', 'broken'],
    [14, '[request id: c1] Exceeds maximum queue size', 'overloaded', 'busy'],
    [14, 'Request timeout expired', 'overloaded', 'busy'],
    [14, 'This protocol is restricted, expecting header triton-grpc-protocol-k', 'upstream_error', 'broken'],
    [14, 'No connection established. Last error: connect ECONNREFUSED', 'backend_unavailable', 'broken'],
    [7, 'go away', 'upstream_error', 'broken'],
  ])('that ends a call with status %i (%s) means %s, and says of the deployment: %s', (grpcCode, message, code, verdict) => {
    const error = unaryFault(new ServiceError('internal', 'a stranger', { cause: new ForeignGrpcStatus(grpcCode, message) }), { upstreamModel: 'up', model: 'seen' });
    expect([error.code, verdictOf(error)]).toEqual([code, verdict]);
    expect(error.message).not.toMatch(/up_0|'up'|c1|private/);
    if (code === 'upstream_refused') expect([error.message, error.httpStatus]).toEqual([message === '' ? expect.stringContaining('without saying why') : "unexpected inference input 'z' for model 'seen'", 400]);
  });

  it.each([[5, "Request for unknown model: 'up' is not found", true], [14, "Request for unknown model: 'up' version 1 is not at ready state", true], [14, 'read ECONNRESET', false]])('that is not there (status %i, %s) is taken out until a check: %s', (grpcCode, message, isAbsent) => {
    const { cause } = unaryFault(new ServiceError('internal', 'a stranger', { cause: new ForeignGrpcStatus(grpcCode, message) }), { upstreamModel: 'up', model: 'seen' });
    expect(cause instanceof AbsentBackend).toBe(isAbsent);
  });

  it('is begun anew when its process died, and an error of the house stays what it is', async () => {
    const { model, revived } = served(async () => ANSWER, SIGNATURE, new ServiceError('internal', 'a stranger', { cause: new ForeignGrpcStatus(13, "Stub process 'up_0_0' is not healthy.") }));
    expect(await failure(model)).toMatchObject({ code: 'upstream_error' });
    expect(revived()).toBe(1);
    expect(await failure(served(() => Promise.reject(new ServiceError('overloaded', 'full'))).model)).toMatchObject({ code: 'overloaded' });
  });

  it('is left at once when the call is given up', async () => {
    let isCancelled = false;
    const leave = new AbortController();
    const { asked, model } = served(async (_request, signal) => {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      isCancelled = true;
      return ANSWER;
    });
    const asking = infer(model, leave.signal).catch((thrown: unknown) => thrown);
    while (asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
    leave.abort(new ServiceError('cancelled', 'The client left.'));
    expect(await asking).toMatchObject({ code: 'cancelled' });
    expect(isCancelled).toBe(true);
  });

  it('is asked what it takes once for many who ask', async () => {
    const { model, questions } = served(async () => ANSWER);
    await Promise.all([model.describe(never), model.describe(never)]);
    await model.describe(never);
    // Keys of all tenants ask for this; the server is theirs together.
    expect(questions).toEqual(['ready', 'metadata', 'config']);
    await infer(model);
    await model.describe(never);
    expect(questions).toHaveLength(3);
  });

  it('is asked what it takes again when it fails, because it may have gone', async () => {
    const { model, questions } = served(() => Promise.reject(new ServiceError('backend_unavailable', 'away')));
    await model.describe(never);
    await failure(model);
    await model.describe(never);
    expect(questions).toHaveLength(6);
  });

  it('tells what it takes, and not how it is run', async () => {
    const { metadata, config } = await served(async () => ANSWER).model.describe(never);
    expect(fromBinary(ModelMetadataResponseSchema, metadata)).toMatchObject({ platform: 'python', inputs: [{ name: 'x' }] });
    expect(fromBinary(ModelConfigSchema, config)).toMatchObject({ maxBatchSize: 8, input: [{ name: 'x' }], parameters: {}, instanceGroup: [] });
  });

  it('is none when it speaks, or when nothing is known of its tensors', async () => {
    for (const signature of [LANGUAGE, null]) {
      const { asked, model } = served(async () => ANSWER, signature);
      expect(await failure(model)).toMatchObject({ code: 'invalid_value', param: 'model' });
      await expect(model.describe(never)).rejects.toMatchObject({ code: 'invalid_value' });
      expect(asked).toEqual([]);
    }
  });
});
