import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import { encodeTensor, TensorTexts } from '@sluice/kserve';
import { OutputBodySchema, type AdmittedBody } from '@sluice/proto/events/v1/calls';
import { ModelInferRequestSchema, ModelInferResponseSchema } from '@sluice/proto/kserve';
import { commitmentHash, encodeCall } from '@sluice/segment';
import { FlowHouse, PRINCIPAL, started, used } from '../testing/flow-house.ts';
import { plainCall, type Call } from './call.ts';

const tensor = (texts: readonly string[]) => ({ name: 't', datatype: 'BYTES', shape: [BigInt(texts.length)] });
const raw = (texts: readonly string[]) => [encodeTensor('BYTES', texts.map((text) => Buffer.from(text)))];
const request = (...texts: string[]): Uint8Array => toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, { modelName: 'chat', inputs: [tensor(texts)], rawInputContents: raw(texts) }));
const response = (...texts: string[]): Uint8Array => toBinary(ModelInferResponseSchema, create(ModelInferResponseSchema, { modelName: 'chat', outputs: [tensor(texts)], rawOutputContents: raw(texts) }));
const callOf = (...texts: string[]): Call => ({ model: 'chat', messages: Buffer.from('[]'), fields: [], stream: false, choices: 1, tensors: request(...texts) });

function answering(house: FlowHouse, ...texts: string[]): FlowHouse {
  house.answer = async function* () {
    yield [started(), { event: { case: 'tensors', value: { response: response(...texts) } } }, used(1n, 0n)];
  };
  return house;
}

const admittedOf = (house: FlowHouse): AdmittedBody => (house.records[0]!.body as unknown as { value: AdmittedBody }).value;
const outputsOf = (house: FlowHouse) => house.records.flatMap(({ body }) => (body?.case === 'encodedOutput' ? [fromBinary(OutputBodySchema, body.bytes)] : []));
const textsOf = (events: ReturnType<typeof outputsOf>[number]['events'] = []): string[] => events.flatMap(({ event }) => (event.case === 'tensors' ? TensorTexts.ofResponse(event.value.response).texts : []));

describe('a call with tensors', () => {
  it('is on record with all that was asked and answered, and is one unit', async () => {
    const house = answering(new FlowHouse(), 'an answer');
    expect(await house.run(callOf('a question'))).toMatchObject({ error: undefined, inputTokens: 1, outputTokens: 0 });
    const body = admittedOf(house);
    expect(TensorTexts.ofRequest(body.call!.tensors).texts).toEqual(['a question']);
    expect(commitmentHash(body.promptSalt, encodeCall(plainCall(callOf('a question')))).equals(Buffer.from(house.recorded().admitted[0]!.promptCommitment))).toBe(true);
    expect(house.recorded().completed[0]).toMatchObject({ counts: { inputTokens: 1n, outputTokens: 0n, estimated: false }, outputBytes: BigInt(response('an answer').length) });
    expect(house.tickets).toEqual([1]);
    expect(house.held.reduce((sum, bytes) => sum + bytes, 0)).toBeGreaterThanOrEqual(response('an answer').length);
  });

  it('goes outside only when it is on record', async () => {
    const house = answering(new FlowHouse(), 'x');
    house.leavesHouse = true;
    house.before = (step) => {
      if (step === 'router') expect(house.records.map(({ record }) => record.case)).toEqual(['admitted']);
    };
    expect(await house.run(callOf('a'))).toMatchObject({ error: undefined });
    expect(house.routed[0]!.insideOnly).toBe(false);
  });

  it('is not touched by rules on parameters, nor given a length where a budget limits it, nor counted', async () => {
    const house = answering(new FlowHouse(), 'x');
    house.rules = (call) => ({ ...call, fields: [{ name: 'temperature', json: Buffer.from('1') }] });
    house.billing.hold = ({ model }) => ({ hold: { amountNano: 7n, limited: true }, price: { id: 'p', model, currency: 'USD', inputNano: 7n }, affordableOutputTokens: 5n });
    house.billing.inputIsTight = () => true;
    expect(await house.run(callOf('a'))).toMatchObject({ error: undefined });
    expect(house.routed[0]!.call.fields).toEqual([]);
    expect([house.counted, house.billing.extensions]).toEqual([[], []]);
    expect(house.recorded().completed[0]).toMatchObject({ costNano: 7n, overrunNano: 0n, stoppedBy: '' });
  });

  it('keeps what was asked and given beside what rules made of it, where its project keeps that', async () => {
    const house = answering(new FlowHouse(), 'jane answers');
    house.principal = { ...PRINCIPAL, keepsOriginals: true };
    house.filter.input = ({ call }) => ({ policyVersion: 1n, action: 2, filtersOutput: true, call: { ...call!, messages: Buffer.from(Buffer.from(call!.messages).toString().replace('jane', '****')) } });
    house.filter.output = ({ events }) => ({ events: events.map(({ event }) => ({ event: event.case === 'delta' ? { ...event, value: { ...event.value, text: event.value.text.replace('jane', '****') } } : event })) });
    expect(await house.run(callOf('ask jane'))).toMatchObject({ error: undefined });
    const { call, original } = admittedOf(house);
    expect([call, original].map((one) => TensorTexts.ofRequest(one!.tensors).texts)).toEqual([['ask ****'], ['ask jane']]);
    expect(TensorTexts.ofRequest(house.routed[0]!.call.tensors!).texts).toEqual(['ask ****']);
    expect(textsOf(outputsOf(house).flatMap(({ events }) => events))).toEqual(['**** answers']);
    expect(textsOf(outputsOf(house).flatMap(({ original: given }) => given?.events ?? []))).toEqual(['jane answers']);
    expect(textsOf(house.released)).toEqual(['**** answers']);
  });

  it('leaves nothing of an answer that is blocked, on record or to the client, and is paid', async () => {
    const house = answering(new FlowHouse(), 'good', 'bad');
    house.filter.input = () => ({ policyVersion: 1n, filtersOutput: true });
    house.filter.output = ({ events }) => ({ stop: true, events: events.flatMap(({ event }) => (event.case === 'finished' ? [{ event: { ...event, value: { ...event.value, reason: 'content_filter' } } }] : [])) });
    expect(await house.run(callOf('a'))).toMatchObject({ error: { code: 'content_policy_violation' }, inputTokens: 1 });
    expect(textsOf([...house.released, ...outputsOf(house).flatMap(({ events }) => events)])).toEqual([]);
    expect(house.recorded().completed[0]).toMatchObject({ outcome: 3, errorCode: 'content_policy_violation', outputBytes: 0n });
  });

  it('that nobody answered costs nothing', async () => {
    const house = new FlowHouse();
    house.billing.hold = ({ model }) => ({ hold: { amountNano: 7n }, price: { id: 'p', model, currency: 'USD', inputNano: 7n } });
    house.answer = async function* () {
      yield [];
      throw new ServiceError('backend_unavailable', 'away');
    };
    expect(await house.run(callOf('a'))).toMatchObject({ error: { code: 'backend_unavailable' } });
    expect(house.recorded().completed[0]).toMatchObject({ costNano: 0n });
  });
});
