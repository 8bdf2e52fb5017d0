import { gzipSync } from 'node:zlib';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import { Level } from '@sluice/proto/access/v1/access';
import { ModelInferRequestSchema, ModelMetadataResponseSchema } from '@sluice/proto/kserve';
import { ModelConfigSchema } from '@sluice/proto/model_config';
import { echoedTensors, oneUnit } from '../../testing/echoed-tensors.ts';
import { helloAnswer, started, TestHouse, until } from '../../testing/house.ts';

const house = new TestHouse();
const key = house.addKey('inference');
const otherTenant = house.addKey('inference', { organisationId: 'org_2' });
const narrow = house.addKey('inference', { models: ['large'] });
const limited = house.addKey('inference');

beforeAll(() => house.start());
afterAll(() => house.stop());
afterEach(() => {
  house.answer = echoedTensors;
  house.filter.input = () => ({});
  house.filter.output = ({ events }) => ({ events });
  house.billing.hold = ({ outputTokens, model }) => ({ hold: { outputTokens }, price: { model, currency: 'USD' } });
  house.beforeAppend = () => Promise.resolve();
  house.external = false;
});
house.answer = echoedTensors;

interface Asked {
  readonly secret?: string;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

const ONE = { inputs: [{ name: 'x', datatype: 'FP32', shape: [2], data: [1.5, -2] }] };
const LYING = '{"inputs":[{"name":"x","datatype":"UINT8","shape":[9],"parameters":{"binary_data_size":9}}]}';
const words = (...data: string[]) => ({ inputs: [{ name: 't', datatype: 'BYTES', shape: [data.length], data }] });

async function post(path: string, body: object | string | Uint8Array, { secret = key, headers = {}, signal }: Asked = {}): Promise<{ status: number; headers: Headers; bytes: Buffer; json: Record<string, unknown> }> {
  const sent = body instanceof Uint8Array ? Buffer.from(body) : typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(`${house.url}${path}`, { method: 'POST', headers: { authorization: `Bearer ${secret}`, ...headers }, body: sent, signal: signal ?? null });
  const bytes = Buffer.from(await response.arrayBuffer());
  return { status: response.status, headers: response.headers, bytes, json: parsed(bytes) };
}

function parsed(bytes: Buffer): Record<string, unknown> {
  try {
    return JSON.parse(bytes.toString()) as Record<string, unknown>;
  } catch {
    return {};
  }
}

const infer = (body: object | string | Uint8Array, asked?: Asked) => post('/v2/models/chat/infer', body, asked);
const recordOf = ({ headers }: { readonly headers: Headers }, kind: string): Record<string, unknown> | undefined => house.records().find((record) => record.callId === headers.get('x-request-id') && record.kind === kind)?.value;

describe('a call with tensors over HTTP', () => {
  it('is answered under the name that was asked, is one unit, and is on record', async () => {
    const answered = await infer({ id: 'r-1', ...ONE });
    expect(answered).toMatchObject({ status: 200, json: { id: 'r-1', model_name: 'chat', model_version: '1', outputs: [{ name: 'x', datatype: 'FP32', shape: [2], data: [1.5, -2] }] } });
    expect(house.kindsOf(answered.headers.get('x-request-id')!)).toEqual(['admitted', 'output', 'completed']);
    expect(recordOf(answered, 'admitted')).toMatchObject({ model: 'chat', modelName: 'org/small', stream: false });
    expect(recordOf(answered, 'completed')).toMatchObject({ httpStatus: 200, counts: { inputTokens: 1n, outputTokens: 0n, estimated: false } });
    expect(fromBinary(ModelInferRequestSchema, house.calls.at(-1)!.tensors)).toMatchObject({ modelName: 'chat', modelVersion: '', id: 'r-1', inputs: [{ name: 'x', shape: [2n] }] });
  });

  it('lets the router know which outputs are wanted as JSON', async () => {
    await infer(ONE);
    expect(house.jsonOutputs).toEqual([]);
    await infer({ ...ONE, outputs: [{ name: 'x' }, { name: 'z', parameters: { binary_data: true } }] });
    expect(house.jsonOutputs).toEqual(['x']);
    await infer({ ...ONE, parameters: { binary_data_output: true } });
    expect(house.jsonOutputs).toBeUndefined();
  });

  it('takes and gives binary data behind the JSON, and names with slashes and versions', async () => {
    const json = JSON.stringify({ inputs: [{ name: 'x', datatype: 'UINT8', shape: [3], parameters: { binary_data_size: 3 } }], parameters: { binary_data_output: true } });
    const answered = await post('/v2/models/org/small/versions/1/infer', Buffer.concat([Buffer.from(json), Buffer.from([7, 8, 9])]), { headers: { 'inference-header-content-length': String(json.length) } });
    expect(answered.status).toBe(200);
    const length = Number(answered.headers.get('inference-header-content-length'));
    expect([...answered.bytes.subarray(length)]).toEqual([7, 8, 9]);
    expect(answered.headers.get('content-type')).toBe('application/octet-stream');
    expect(fromBinary(ModelInferRequestSchema, house.calls.at(-1)!.tensors).modelVersion).toBe('1');
  });

  it('leaves nothing before its answer is durable', async () => {
    let release = (): void => undefined;
    house.beforeAppend = () => new Promise((resolve) => (release = resolve));
    let isTold = false;
    const asking = infer(ONE).then((answered) => ((isTold = true), answered));
    await until(() => house.calls.length > 0 && release.name !== '');
    await new Promise((resolve) => setImmediate(resolve));
    expect(isTold).toBe(false);
    house.beforeAppend = () => Promise.resolve();
    release();
    expect((await asking).status).toBe(200);
  });

  it.each<[string, () => ReturnType<typeof post>, number, RegExp]>([
    ['no body', () => infer(''), 400, /body is empty|parse the JSON/],
    ['no JSON', () => infer('{"inputs"'), 400, /parse the JSON/],
    ['wrong shapes', () => infer({ inputs: [{ name: 'x', datatype: 'FP32', shape: [3], data: [1] }] }), 400, /'x' has 1 elements/],
    ['sizes that lie', () => infer(Buffer.from(`${LYING}abc`), { headers: { 'inference-header-content-length': String(LYING.length) } }), 400, /announces 9 bytes/],
    ['a header that is no number', () => infer(ONE, { headers: { 'inference-header-content-length': 'all' } }), 400, /Inference-Header-Content-Length/],
    ['a compressed body', () => infer(gzipSync(JSON.stringify(ONE)), { headers: { 'content-encoding': 'gzip' } }), 415, /Compressed/],
    ['a body above the limit', () => infer(Buffer.alloc(17 * 1024 * 1024)), 413, /larger/],
    ['an unknown model', () => post('/v2/models/none/infer', ONE), 404, /does not exist/],
    ['a model of another tenant', () => infer(ONE, { secret: otherTenant }), 404, /does not exist/],
    ['a model that the key may not use', () => infer(ONE, { secret: narrow }), 403, /may not use/],
    ['a parameter that drives the server', () => infer({ ...ONE, parameters: { sequence_id: 7 } }), 400, /not passed on/],
    ['a place ahead of other tenants', () => infer({ ...ONE, parameters: { priority: 1 } }), 400, /not passed on/],
    ['a time in the queue of its own', () => infer({ ...ONE, parameters: { timeout: 1 } }), 400, /not passed on/],
    ['shared memory', () => infer({ inputs: [{ name: 'x', datatype: 'FP32', shape: [2], parameters: { shared_memory_region: 'r', binary_data_size: 0 } }] }), 400, /bytes of data|not passed on/],
    ['an address that is not served', () => post('/v2/models/chat/generate', ONE), 404, /not served/],
  ])('refuses %s, in the words of KServe, on record', async (_what, ask, status, words_) => {
    const refused = await ask();
    expect(refused).toMatchObject({ status, json: { error: expect.stringMatching(words_) } });
    expect(Object.keys(refused.json)).toEqual(['error']);
    expect(recordOf(refused, 'refused')).toMatchObject({ httpStatus: status });
  });

  it('refuses who shows no key or a wrong one, without a record', async () => {
    for (const secret of ['', 'sk-sluice-wrong']) {
      const refused = await infer(ONE, { secret });
      expect(refused).toMatchObject({ status: 401, json: { error: expect.any(String) } });
      expect(house.kindsOf(refused.headers.get('x-request-id')!)).toEqual([]);
    }
  });

  it('counts as a request, and is refused beyond the limit with what refused it', async () => {
    house.limit({ level: Level.KEY, subjectId: 'key_3', limits: { requestsPerMinute: 2n, tokensPerMinute: 100n } });
    const first = await infer(ONE, { secret: limited });
    expect(first.headers.get('x-ratelimit-remaining-requests')).toBe('1');
    expect(first.headers.get('x-ratelimit-remaining-tokens')).toBe('99');
    expect((await infer('{', { secret: limited })).status).toBe(400);
    const third = await infer(ONE, { secret: limited });
    expect(third).toMatchObject({ status: 429, json: { error: expect.stringMatching(/limit/i) } });
    expect(third.headers.get('retry-after')).not.toBeNull();
    expect(recordOf(third, 'refused')).toMatchObject({ refusedBy: { case: 'limit' } });
  });

  it('sets the price of one unit aside, and is refused where the budget does not have it', async () => {
    house.billing.hold = ({ model }) => ({ hold: { amountNano: 50n, limited: true }, price: { id: 'price_1', model, currency: 'USD', inputNano: 50n } });
    const paid = await infer(ONE);
    expect(paid.status).toBe(200);
    expect(house.billing.holds.at(-1)).toMatchObject({ inputTokensBound: 1n, outputTokens: 0n });
    expect(recordOf(paid, 'completed')).toMatchObject({ costNano: 50n, overrunNano: 0n });
    expect(house.billing.settlements.at(-1)).toMatchObject({ counts: { inputTokens: 1n, outputTokens: 0n } });
    house.billing.hold = () => ({ refusal: { level: Level.KEY, subjectId: 'key_0', period: 'day', amountNano: 10n, spentNano: 10n } });
    const refused = await infer(ONE);
    expect(refused).toMatchObject({ status: 429, json: { error: expect.stringMatching(/budget/i) } });
    expect(recordOf(refused, 'refused')).toMatchObject({ refusedBy: { case: 'budget' } });
  });

  it('costs nothing when its backend fails, and says so', async () => {
    house.answer = async function* () {
      yield [];
      throw new ServiceError('backend_unavailable', 'No backend of this model is available at the moment.', { retryAfterSeconds: 1 });
    };
    const failed = await infer(ONE);
    expect(failed).toMatchObject({ status: 503, json: { error: 'No backend of this model is available at the moment.' } });
    expect(recordOf(failed, 'completed')).toMatchObject({ errorCode: 'backend_unavailable', counts: { inputTokens: 0n } });
    expect(recordOf(failed, 'refused')).toBeUndefined();
  });

  it('is cancelled down to the router when its client leaves, and ends on record as disconnected', async () => {
    let isCancelled = false;
    house.answer = async function* (_call, signal) {
      yield [];
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      isCancelled = true;
      throw signal.reason;
    };
    const before = house.calls.length;
    const leave = new AbortController();
    const asking = infer(ONE, { signal: leave.signal }).catch((thrown: unknown) => thrown);
    await until(() => house.calls.length > before);
    leave.abort();
    await asking;
    await until(() => isCancelled && house.records().at(-1)?.kind === 'completed');
    expect(house.records().at(-1)!.value).toMatchObject({ outcome: 2, httpStatus: 499 });
  });

  it('shows the filter its texts, and the model what rules make of them', async () => {
    house.filter.input = ({ call }) => ({ policyVersion: 3n, action: 2, filtersOutput: true, call: { ...call!, messages: Buffer.from(Buffer.from(call!.messages).toString().replaceAll('secret', '******')) } });
    house.filter.output = ({ events }) => ({ events: events.map(({ event }) => ({ event: event.case === 'delta' ? { ...event, value: { ...event.value, text: event.value.text.replace('plain', 'PLAIN') } } : event })) });
    const answered = await infer({ ...words('a secret', 'plain'), parameters: { note: 'my secret' } });
    expect(answered).toMatchObject({ status: 200, json: { outputs: [{ data: ['a ******', 'PLAIN'] }] } });
    expect(fromBinary(ModelInferRequestSchema, house.calls.at(-1)!.tensors).parameters['note']!.parameterChoice.value).toBe('my ******');
    expect(JSON.parse(Buffer.from(house.filter.inputs.at(-1)!.call!.messages).toString())).toEqual(['a secret', 'plain', 'my secret', 'note'].map((content) => ({ role: 'user', content })));
    expect(house.filter.inputs.at(-1)!.call!.tensors).toHaveLength(0);
  });

  it('may have more texts than rules can look at where there is no rule that would', async () => {
    const many = words(...Array.from({ length: 2_500 }, () => 'x'));
    house.filter.input = () => ({ ignoresInput: true });
    expect(await infer(many)).toMatchObject({ status: 200 });
    house.filter.input = () => ({ policyVersion: 3n });
    expect(await infer(many)).toMatchObject({ status: 400, json: { error: expect.stringContaining('more than 2000 texts') } });
  });

  it('is refused where a rule blocks its input, and gives nothing where one blocks its answer', async () => {
    house.filter.input = () => ({ policyVersion: 3n, action: 1, ruleId: 'rule_1', ruleTitle: 'House words' });
    const blocked = await infer(words('forbidden'));
    expect(blocked).toMatchObject({ status: 400, json: { error: expect.stringMatching(/House words/) } });
    expect(recordOf(blocked, 'refused')).toMatchObject({ refusedBy: { case: 'rule' }, param: 'inputs' });
    house.filter.input = () => ({ policyVersion: 3n, filtersOutput: true });
    house.filter.output = ({ events }) => ({ hits: [{ action: 1, ruleId: 'rule_1' }], hitCount: 1, stop: true, events: events.filter(({ event }) => event.case === 'finished').map(({ event }) => ({ event: { case: 'finished' as const, value: { choice: (event.value as { choice: number }).choice, reason: 'content_filter' } } })) });
    const silenced = await infer(words('what it says'));
    expect(silenced).toMatchObject({ status: 400, json: { error: 'The answer was blocked by a rule of your organisation.' } });
    expect(house.kindsOf(silenced.headers.get('x-request-id')!)).toEqual(['admitted', 'output', 'completed']);
    // The model has answered: it is paid for, and nothing of what it said is on record.
    expect(recordOf(silenced, 'completed')).toMatchObject({ errorCode: 'content_policy_violation', counts: { inputTokens: 1n }, outputBytes: 0n, outputVerdict: { hitCount: 1 } });
  });

  it('tells a client that wants JSON of what has no such form, and does not doubt its record', async () => {
    house.answer = async function* (call) {
      for await (const [first, answer] of echoedTensors(call)) yield [first!, answer!, oneUnit()];
    };
    const half = { inputs: [{ name: 'x', datatype: 'FP16', shape: [1], parameters: { binary_data_size: 2 } }] };
    const json = JSON.stringify(half);
    const told = await infer(Buffer.concat([Buffer.from(json), Buffer.alloc(2)]), { headers: { 'inference-header-content-length': String(json.length) } });
    expect(told).toMatchObject({ status: 400, json: { error: expect.stringMatching(/binary data/) } });
    expect(house.kindsOf(told.headers.get('x-request-id')!)).toEqual(['admitted', 'output', 'completed']);
  });

  it('costs nothing where the model was not asked, because its answer would be too much for JSON', async () => {
    house.answer = async function* () {
      throw new ServiceError('invalid_value', 'The tensor cannot be written as JSON.', { param: 'y' });
    };
    const refused = await infer(ONE);
    expect(refused).toMatchObject({ status: 400, json: { error: expect.stringMatching(/as JSON/) } });
    expect(recordOf(refused, 'completed')).toMatchObject({ errorCode: 'invalid_value', counts: { inputTokens: 0n, outputTokens: 0n } });
  });

  it('is refused as a model without an answer when nothing came', async () => {
    house.answer = async function* () {
      yield [started(), oneUnit()];
    };
    expect(await infer(ONE)).toMatchObject({ status: 502, json: { error: 'The model gave no answer.' } });
    house.answer = helloAnswer;
  });
});

describe('what a client asks before its calls', () => {
  const get = async (path: string, secret = key): Promise<{ status: number; json: unknown }> => {
    const response = await fetch(`${house.url}${path}`, { headers: { authorization: `Bearer ${secret}` } });
    const text = await response.text();
    return { status: response.status, json: text === '' ? undefined : JSON.parse(text) };
  };

  it('is answered by name, for models that the key may use', async () => {
    house.describe = () => ({
      versions: [1, 3],
      metadata: toBinary(ModelMetadataResponseSchema, create(ModelMetadataResponseSchema, { name: 'upstream', versions: ['9'], platform: 'python', inputs: [{ name: 'x', datatype: 'FP32', shape: [-1n, 2n] }] })),
      config: toBinary(ModelConfigSchema, create(ModelConfigSchema, { name: 'upstream', maxBatchSize: 8, input: [{ name: 'x', dims: [2n] }] })),
    });
    expect(await get('/v2')).toMatchObject({ status: 200, json: { name: 'sluice', extensions: expect.arrayContaining(['binary_tensor_data']) } });
    expect(await get('/v2/health/live')).toEqual({ status: 200, json: undefined });
    expect(await get('/v2/health/ready')).toEqual({ status: 200, json: undefined });
    expect(await get('/v2/models/chat')).toEqual({ status: 200, json: { name: 'chat', versions: ['1', '3'], platform: 'python', inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }], outputs: [] } });
    expect(await get('/v2/models/org/small/versions/3')).toMatchObject({ json: { name: 'org/small', versions: ['3'] } });
    expect(await get('/v2/models/chat/config')).toMatchObject({ status: 200, json: { name: 'chat', max_batch_size: 8, input: [{ name: 'x', dims: [2] }] } });
    expect(await get('/v2/models/chat/ready')).toEqual({ status: 200, json: undefined });
    expect(await get('/v2/models/chat/ready', otherTenant)).toEqual({ status: 404, json: undefined });
    expect(await get('/v2/models/chat', otherTenant)).toMatchObject({ status: 404, json: { error: expect.stringMatching(/does not exist/) } });
    expect(await get('/v2/models/chat', 'wrong')).toMatchObject({ status: 401, json: { error: expect.any(String) } });
  });

  it('is refused where it would show others, or drive a server', async () => {
    for (const path of ['/v2/models/chat/stats', '/v2/models/stats', '/v2/trace/setting', '/v2/systemsharedmemory/status']) {
      expect(await get(path)).toMatchObject({ status: 404, json: { error: expect.any(String) } });
    }
    expect(await post('/v2/repository/index', {})).toMatchObject({ status: 404, json: { error: expect.stringMatching(/not served/) } });
  });

  it('says that a model is not ready which no server has', async () => {
    house.describe = () => {
      throw new ServiceError('backend_unavailable', 'The model is not ready at its server.');
    };
    expect((await get('/v2/models/chat/ready')).status).toBe(404);
    expect(await get('/v2/models/chat')).toMatchObject({ status: 503, json: { error: 'The model is not ready at its server.' } });
  });
});
