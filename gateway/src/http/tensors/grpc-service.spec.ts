import { create, toBinary } from '@bufbuild/protobuf';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { boolParameter } from '@sluice/kserve';
import { Level } from '@sluice/proto/access/v1/access';
import { GRPCInferenceService, ModelInferRequestSchema, ModelMetadataResponseSchema } from '@sluice/proto/kserve';
import { ModelConfigSchema } from '@sluice/proto/model_config';
import type { Client } from '@sluice/rpc';
import { GrpcClient } from '@sluice/rpc/grpc';
import { echoedTensors } from '../../testing/echoed-tensors.ts';
import { TestHouse, until } from '../../testing/house.ts';

const house = new TestHouse();
const key = house.addKey('inference');
const otherTenant = house.addKey('inference', { organisationId: 'org_2' });
let client: GrpcClient;
let models: Client<typeof GRPCInferenceService>;

beforeAll(async () => {
  await house.start({ SLUICE_GRPC_PORT: 0 });
  client = new GrpcClient({ addresses: [house.grpcAddress], clock: systemClock });
  models = client.connect(GRPCInferenceService);
});
afterAll(async () => {
  client.close();
  await house.stop();
});
afterEach(() => {
  house.answer = echoedTensors;
  house.billing.hold = ({ outputTokens, model }) => ({ hold: { outputTokens }, price: { model, currency: 'USD' } });
});
house.answer = echoedTensors;

const as = (secret: string) => ({ metadata: { authorization: `Bearer ${secret}` } });
const ONE = create(ModelInferRequestSchema, { modelName: 'chat', id: 'r-1', inputs: [{ name: 'x', datatype: 'UINT8', shape: [2n] }], rawInputContents: [Uint8Array.of(7, 8)] });
const codeOf = (asked: Promise<unknown>): Promise<string> => asked.then(() => 'none', (thrown: unknown) => ServiceError.from(thrown).code);

describe('KServe v2 over gRPC', () => {
  it('answers a call with tensors under the name that was asked, on record', async () => {
    const before = house.records().length;
    const answered = await models.modelInfer(ONE, as(key));
    expect(answered).toMatchObject({ modelName: 'chat', modelVersion: '1', id: 'r-1', outputs: [{ name: 'x', datatype: 'UINT8', shape: [2n] }] });
    expect([...answered.rawOutputContents[0]!]).toEqual([7, 8]);
    expect(house.records().slice(before).map(({ kind }) => kind)).toEqual(['admitted', 'output', 'completed']);
  });

  it('takes typed contents, and gives the model the one form that it records', async () => {
    const typed = create(ModelInferRequestSchema, { modelName: 'chat', inputs: [{ name: 'x', datatype: 'INT64', shape: [1n], contents: { int64Contents: [-5n] } }] });
    const { rawOutputContents } = await models.modelInfer(typed, as(key));
    expect(Buffer.from(rawOutputContents[0]!).readBigInt64LE()).toBe(-5n);
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ['an unknown model', () => models.modelInfer({ ...ONE, modelName: 'none' }, as(key)), 'model_not_found'],
    ['no model', () => models.modelInfer({ ...ONE, modelName: '' }, as(key)), 'missing_required_parameter'],
    ['a model of another tenant', () => models.modelInfer(ONE, as(otherTenant)), 'model_not_found'],
    ['data that are cut off', () => models.modelInfer({ ...ONE, rawInputContents: [Uint8Array.of(7)] }, as(key)), 'invalid_value'],
    ['data that nobody announced', () => models.modelInfer({ ...ONE, rawInputContents: [Uint8Array.of(7, 8), Uint8Array.of(9)] }, as(key)), 'invalid_value'],
    ['data in both forms', () => models.modelInfer(create(ModelInferRequestSchema, { modelName: 'chat', inputs: [{ name: 'x', datatype: 'UINT8', shape: [1n], contents: { uintContents: [1] } }], rawInputContents: [Uint8Array.of(7)] }), as(key)), 'invalid_value'],
    ['contents of another datatype', () => models.modelInfer(create(ModelInferRequestSchema, { modelName: 'chat', inputs: [{ name: 'x', datatype: 'UINT8', shape: [1n], contents: { fp32Contents: [1] } }] }), as(key)), 'invalid_value'],
    ['no inputs', () => models.modelInfer({ modelName: 'chat' }, as(key)), 'missing_required_parameter'],
    ['a parameter that drives the server', () => models.modelInfer(create(ModelInferRequestSchema, { ...ONE, parameters: { triton_x: boolParameter(true) } }), as(key)), 'unsupported_parameter'],
    ['a request above the limit', () => models.modelInfer({ ...ONE, inputs: [{ ...ONE.inputs[0]!, shape: [17_000_000n] }], rawInputContents: [new Uint8Array(17_000_000)] }, as(key)), 'request_too_large'],
  ])('refuses %s, on record', async (_what, ask, code) => {
    const before = house.records().length;
    expect(await codeOf(ask())).toBe(code);
    expect(house.records().slice(before)).toMatchObject([{ kind: 'refused', value: { errorCode: code } }]);
  });

  it('refuses who shows no key or a wrong one, without a record', async () => {
    const before = house.records().length;
    expect(await codeOf(models.modelInfer(ONE))).toBe('missing_api_key');
    expect(await codeOf(models.modelInfer(ONE, as('sk-wrong')))).toBe('invalid_api_key');
    expect(house.records()).toHaveLength(before);
    expect(house.records().some(({ kind, value }) => kind === 'refused' && value['errorCode'] === 'invalid_api_key')).toBe(false);
  });

  it('is refused where limits or the budget have no room', async () => {
    house.billing.hold = () => ({ refusal: { level: Level.KEY, subjectId: 'key_0', period: 'day', amountNano: 10n, spentNano: 10n } });
    expect(await codeOf(models.modelInfer(ONE, as(key)))).toBe('insufficient_quota');
    const limited = house.addKey('inference');
    house.changeKey(limited, {});
    house.limit({ level: Level.KEY, subjectId: house.keys.at(-1)!.id, limits: { concurrentRequests: 1n } });
    house.billing.hold = ({ model }) => ({ hold: {}, price: { model, currency: 'USD' } });
    let release = (): void => undefined;
    house.answer = async function* (call) {
      await new Promise<void>((resolve) => (release = resolve));
      yield* echoedTensors(call);
    };
    const before = house.calls.length;
    const first = models.modelInfer(ONE, as(limited));
    await until(() => house.calls.length > before);
    expect(await codeOf(models.modelInfer(ONE, as(limited)))).toBe('rate_limit_exceeded');
    release();
    expect((await first).id).toBe('r-1');
  });

  it('is cancelled down to the router when its client leaves, or its deadline passes', async () => {
    let cancelled = 0;
    house.answer = async function* (_call, signal) {
      yield [];
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      cancelled++;
      throw signal.reason;
    };
    const before = house.calls.length;
    const ended = (): { value: Record<string, unknown> }[] => house.records().filter(({ kind }) => kind === 'completed');
    const endedBefore = ended().length;
    const leave = new AbortController();
    const asking = codeOf(models.modelInfer(ONE, { ...as(key), signal: leave.signal }));
    await until(() => house.calls.length > before);
    leave.abort(new ServiceError('cancelled', 'left'));
    expect(await asking).toBe('cancelled');
    expect(await codeOf(models.modelInfer(ONE, { ...as(key), timeoutMs: 100 }))).toBe('deadline_exceeded');
    await until(() => cancelled === 2 && ended().length === endedBefore + 2);
    // Whoever notices the deadline first: the client, who then leaves, or the server.
    const [left, late] = ended().slice(-2).map(({ value }) => value['outcome']);
    expect(left).toBe(2);
    expect([2, 3]).toContain(late);
  });

  it('tells what a model takes to who may use it, and that the server is there to everybody', async () => {
    house.describe = () => ({
      versions: [1], config: toBinary(ModelConfigSchema, create(ModelConfigSchema, { name: 'upstream', maxBatchSize: 4 })),
      metadata: toBinary(ModelMetadataResponseSchema, create(ModelMetadataResponseSchema, { name: 'upstream', inputs: [{ name: 'x', datatype: 'UINT8', shape: [-1n] }] })),
    });
    expect(await models.serverLive({})).toMatchObject({ live: true });
    expect(await models.serverReady({})).toMatchObject({ ready: true });
    expect(await models.serverMetadata({})).toMatchObject({ name: 'sluice' });
    expect(await models.modelReady({ name: 'chat' }, as(key))).toMatchObject({ ready: true });
    expect(await models.modelReady({ name: 'chat' }, as(otherTenant))).toMatchObject({ ready: false });
    expect(await models.modelMetadata({ name: 'chat' }, as(key))).toMatchObject({ name: 'chat', versions: ['1'], inputs: [{ name: 'x' }] });
    expect(await models.modelConfig({ name: 'chat' }, as(key))).toMatchObject({ config: { name: 'chat', maxBatchSize: 4 } });
    expect(await codeOf(models.modelMetadata({ name: 'chat' }, as(otherTenant)))).toBe('model_not_found');
    expect(await codeOf(models.modelReady({ name: 'chat' }))).toBe('missing_api_key');
  });

  it('does not serve what would show others, drives a server, or streams', async () => {
    const { modelStatistics, repositoryIndex, repositoryModelLoad, repositoryModelUnload, systemSharedMemoryRegister, cudaSharedMemoryStatus, traceSetting } = models;
    for (const ask of [modelStatistics, repositoryIndex, repositoryModelLoad, repositoryModelUnload, systemSharedMemoryRegister, cudaSharedMemoryStatus, traceSetting]) {
      expect(await codeOf(ask({}, as(key)))).toBe('method_not_supported');
    }
    const stream = async (): Promise<void> => {
      for await (const _ of models.modelStreamInfer((async function* () { yield ONE; })(), as(key))) return;
    };
    expect(await codeOf(stream())).toBe('method_not_supported');
  });
});
