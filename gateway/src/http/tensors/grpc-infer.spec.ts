import { once } from 'node:events';
import { constants, type ClientHttp2Stream } from 'node:http2';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { create, toBinary } from '@bufbuild/protobuf';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { ManualClock, systemIds } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { BESIDE_DATA_LIMIT_BYTES } from '@sluice/kserve';
import { Health } from '@sluice/lifecycle';
import { ModelInferRequestSchema, ModelInferResponseSchema, ModelReadyRequestSchema } from '@sluice/proto/kserve';
import { silentLogger } from '@sluice/telemetry';
import type { Call } from '../../domain/call.ts';
import { OpenCalls } from '../../domain/open-calls.ts';
import type { Sink } from '../../domain/ports.ts';
import { UPLOAD_WINDOW_MS } from '../../domain/upload-pace.ts';
import { GrpcStranger, endOf, framed } from '../../testing/grpc-stranger.ts';
import { until } from '../../testing/house.ts';
import { TENSOR_BODY_LIMIT_BYTES, TENSOR_MESSAGE_LIMIT_BYTES, TENSOR_QUESTION_LIMIT_BYTES } from '../limits.ts';
import { LOOK_EVERY_MS } from '../uploads.ts';
import { tensorServer } from './grpc-server.ts';
import type { TensorDoor } from './tensor-visit.ts';

const MIB = 1024 * 1024;
const ROOM_BYTES = MIB;
const LARGE = toBinary(ModelInferResponseSchema, create(ModelInferResponseSchema, { rawOutputContents: [new Uint8Array(4 * MIB)] }));
const KEY = { authorization: 'Bearer good' };
const PRINCIPAL = { keyId: 'k', organisationId: 'o', projectId: 'p', models: [], keepsBodies: true };

const request = (model: string, bytes: number): Buffer => framed(toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, {
  modelName: model, inputs: [{ name: 'x', datatype: 'UINT8', shape: [BigInt(bytes)] }], rawInputContents: [new Uint8Array(bytes)],
})));
/** A number for every byte, as the wire has the small ones. */
const typed = (elements: number): Buffer => framed(toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, {
  modelName: 'm', inputs: [{ name: 'x', datatype: 'INT64', shape: [BigInt(elements)], contents: { int64Contents: Array.from({ length: elements }, () => 1n) } }],
})));

let stop: () => Promise<void> = () => Promise.resolve();
afterEach(() => stop());

/** The listener alone, so that what it holds and the time can be seen. A call whose model is `fail` fails, one of `wait` waits for its end, one of `large` is answered with megabytes, others are answered. */
async function serve(heldLimitBytes = 64 * MIB, callsLimit = 10) {
  const clock = new ManualClock();
  const open = new OpenCalls(callsLimit, heldLimitBytes);
  const hold = jest.spyOn(open, 'hold');
  const refusals: string[] = [];
  let heldAtRunBytes = 0;
  const flow = {
    run: async ({ call, abort }: { call: Call; abort: AbortController }, reply: Sink) => {
      heldAtRunBytes = open.heldBytes;
      if (call.model === 'wait') await new Promise((resolve) => abort.signal.addEventListener('abort', resolve, { once: true }));
      else reply.release([{ event: { case: 'tensors', value: { response: call.model === 'large' ? LARGE : new Uint8Array() } } }] as never);
      return { firstOutputMs: 1, durationMs: 1, inputTokens: 1, outputTokens: 0, error: call.model === 'fail' ? new ServiceError('upstream_error', 'broke') : abort.signal.reason };
    },
    count: () => Promise.resolve({ requests: { limit: 9, remaining: 8, resetMs: 1_000 } }),
    refuse: (_id: string, _principal: unknown, { model }: Call, { code }: ServiceError) => Promise.resolve(void refusals.push(`${model} ${code}`)),
  };
  const principalOf = (authorization: string | undefined) => (authorization === KEY.authorization ? Promise.resolve(PRINCIPAL) : Promise.reject(new ServiceError('missing_api_key', 'No key.')));
  const figures = { ended: () => undefined, refused: () => undefined, unrecorded: () => undefined };
  const server = tensorServer({ clock, open, flow, figures, principalOf, ids: systemIds(clock), logger: silentLogger, health: new Health() } as unknown as TensorDoor & { health: Health });
  const stranger = new GrpcStranger(`127.0.0.1:${await server.listen('127.0.0.1:0')}`);
  stop = () => (stranger.close(), server.stop(0));
  /** Passes this much time in steps in which requests are looked at. */
  const pass = (ms: number): void => {
    for (let left = ms; left > 0; left -= LOOK_EVERY_MS) clock.advance(LOOK_EVERY_MS);
  };
  return { open, hold, refusals, pass, stranger, heldAtRunBytes: () => heldAtRunBytes };
}

describe('a call over gRPC without a key', () => {
  it.each([['ModelInfer', 'sixteen MiB', 16 * MIB], ['ModelInfer', 'more than it may have', 18 * MIB], ['ModelMetadata', 'anything', 16 * MIB]])('%s with %s of numbers is refused before any of them is held or decoded', async (rpc, _what, elements) => {
    const { open, hold, refusals, stranger } = await serve();
    const stream = stranger.call(rpc);
    const head = Buffer.from([0, 0, 0, 0, 0]);
    head.writeUInt32BE(elements, 1);
    // Its end never comes: who would decode it first could not answer.
    stream.write(Buffer.concat([head, Buffer.alloc(elements - 1, 1)]));
    expect(await endOf(stream)).toMatchObject({ 'grpc-status': '16', 'x-request-id': expect.stringMatching(/./) });
    expect(stream.writableEnded).toBe(false);
    expect(hold).not.toHaveBeenCalled();
    await until(() => open.size === 0);
    expect(refusals).toEqual([]);
  });

  it('is refused for want of a place, like one with a key, which is on record', async () => {
    const { open, refusals, stranger } = await serve(MIB, 1);
    const first = stranger.call('ModelInfer', KEY);
    await until(() => open.size === 1);
    const busy = { 'grpc-status': '14', 'retry-after': '1', 'x-request-id': expect.any(String) };
    expect(await endOf(stranger.call('ModelInfer'))).toMatchObject(busy);
    expect(refusals).toEqual([]);
    expect(await endOf(stranger.call('ModelInfer', KEY))).toMatchObject(busy);
    expect(await endOf(stranger.call('ModelReady', KEY))).toMatchObject(busy);
    expect(refusals).toEqual([' overloaded']);
    first.close(constants.NGHTTP2_CANCEL);
    await until(() => open.size === 0);
  });
});

describe('a request over gRPC', () => {
  it('is held as it arrives, whole as long as the call runs, with the form of it that is recorded', async () => {
    const { open, stranger, heldAtRunBytes } = await serve();
    const whole = request('m', MIB);
    const stream = stranger.call('ModelInfer', KEY);
    stream.write(whole.subarray(0, MIB / 2));
    await until(() => open.heldBytes > MIB / 2);
    expect(open.heldBytes).toBeLessThan(MIB);
    stream.end(whole.subarray(MIB / 2));
    expect(await endOf(stream)).toMatchObject({ 'grpc-status': '0', 'x-request-id': expect.any(String) });
    expect(heldAtRunBytes()).toBeGreaterThanOrEqual(2 * MIB);
    expect(heldAtRunBytes()).toBeLessThan(2 * MIB + 1024);
    await until(() => open.heldBytes === 0 && open.size === 0);
  });

  type Served = Awaited<ReturnType<typeof serve>>;
  const sent = (bytes: Buffer, metadata: Record<string, string> = KEY) => ({ stranger }: Served): ClientHttp2Stream => stranger.call('ModelInfer', metadata).end(bytes);
  const begun = (bytes: Buffer, metadata: Record<string, string> = KEY) => ({ stranger }: Served): ClientHttp2Stream => {
    const stream = stranger.call('ModelInfer', metadata);
    stream.write(bytes);
    return stream;
  };
  const allBack = ({ open }: Served): Promise<void> => until(() => open.heldBytes === 0 && open.size === 0);
  const half = request('m', MIB).subarray(0, MIB / 2);
  it.each<[string, (house: Served) => ClientHttp2Stream, string, string[]]>([
    ['answered', sent(request('m', MIB)), '0', []],
    ['failed', sent(request('fail', MIB)), '14', []],
    ['of typed contents that are small', sent(typed(1000)), '0', []],
    ['of typed contents above their limit', sent(typed(BESIDE_DATA_LIMIT_BYTES)), '3', [' invalid_value']],
    ['of more tensors than a request may have', sent(request('m', TENSOR_BODY_LIMIT_BYTES + 1)), '3', ['m request_too_large']],
    ['larger than a message may be', begun(Buffer.concat([request('m', TENSOR_MESSAGE_LIMIT_BYTES), Buffer.alloc(1)])), '3', [' request_too_large']],
    ['larger than there is room for', begun(request('m', ROOM_BYTES)), '14', [' overloaded']],
    ['too slow', (house) => {
      const stream = begun(half)(house);
      void until(() => house.open.heldBytes > 0).then(() => house.pass(2 * UPLOAD_WINDOW_MS));
      return stream;
    }, '4', [' request_timeout']],
    // The clock of this house does not know that its time is over.
    ['late for its own deadline', (house) => begun(half, { ...KEY, 'grpc-timeout': '50m' })(house).once('response', () => house.pass(LOOK_EVERY_MS)), '4', [' cancelled']],
    ['compressed', sent(framed(new Uint8Array(10), true)), '3', [' invalid_value']],
    ['cut off', sent(half), '3', [' invalid_value']],
    ['that is none', sent(framed(Buffer.alloc(10, 0xff))), '3', [' invalid_value']],
    ['that the model does not know', sent(request('', 1)), '3', [' missing_required_parameter']],
  ])('gives back what it held when it was %s', async (how, ask, status, recorded) => {
    const house = await serve(how === 'larger than there is room for' ? ROOM_BYTES : 64 * MIB);
    expect((await endOf(ask(house)))['grpc-status']).toBe(status);
    await allBack(house);
    expect(house.refusals).toEqual(recorded);
  });

  it.each([['it', begun(half), [' cancelled']], ['the call', sent(request('wait', MIB)), []]])('gives back what it held when its client leaves in the midst of %s', async (what, ask, recorded) => {
    const house = await serve();
    ask(house);
    await until(() => (what === 'it' ? house.open.heldBytes > 0 : house.heldAtRunBytes() > 0));
    house.stranger.close();
    await allBack(house);
    expect(house.refusals).toEqual(recorded);
  });

  it('gives back what it held when its answer has left, and not before', async () => {
    const house = await serve();
    const stream = sent(request('large', MIB))(house);
    await once(stream, 'response');
    for (let turn = 0; turn < 50; turn++) await nextTurn();
    expect([house.open.size, house.open.heldBytes > MIB]).toEqual([1, true]);
    stream.resume();
    await allBack(house);
  });

  it('tells how far limits are used, also when it is refused, and when to come again', async () => {
    const house = await serve();
    expect(await endOf(sent(framed(Buffer.alloc(0)))(house))).toMatchObject({ 'x-ratelimit-limit-requests': '9', 'x-ratelimit-remaining-requests': '8', 'x-ratelimit-reset-requests': '1s' });
    expect(await endOf(sent(request('fail', 1))(house))).toMatchObject({ 'grpc-status': '14', 'retry-after': '1' });
    expect(await endOf(sent(request('', 1))(house))).not.toHaveProperty('retry-after');
  });
});

describe('a question over gRPC', () => {
  it('is asked in a few bytes, by who has a key, and takes a place as long as it takes', async () => {
    const { open, stranger, refusals } = await serve();
    const question = (bytes: Buffer, metadata: Record<string, string> = KEY): Promise<unknown> => endOf(stranger.call('ModelReady', metadata).end(bytes));
    const asked = toBinary(ModelReadyRequestSchema, create(ModelReadyRequestSchema, { name: 'm' }));
    expect(await question(framed(asked))).toMatchObject({ 'grpc-status': '0' });
    expect(await question(framed(asked), {})).toMatchObject({ 'grpc-status': '16' });
    expect(await question(framed(Buffer.alloc(TENSOR_QUESTION_LIMIT_BYTES)))).toMatchObject({ 'grpc-status': '3', 'grpc-message': expect.stringContaining('larger') });
    await until(() => open.heldBytes === 0 && open.size === 0);
    expect(refusals).toEqual([]);
  });

  it('of the server is answered to everybody, and nothing of it is read', async () => {
    const { hold, stranger } = await serve();
    expect(await endOf(stranger.call('ServerLive'))).toMatchObject({ 'grpc-status': '0' });
    expect(await endOf(stranger.call('RepositoryIndex'))).toMatchObject({ 'grpc-status': '12' });
    expect(hold).not.toHaveBeenCalled();
  });
});
