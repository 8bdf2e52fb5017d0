import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import type { FilterOutput } from '@sluice/proto/content_filter/v1/content_filter';
import { OriginalOutputSchema, OutputBodySchema, type AdmittedBody, type OutputBody } from '@sluice/proto/events/v1/calls';
import { commitmentHash, encodeCall, nextChain, originalChainStart } from '@sluice/segment';
import { FlowHouse, over, PRINCIPAL, started, text, used } from '../testing/flow-house.ts';
import { plainCall, withChange, type Call, type Events } from './call.ts';
import { PENDING_LIMIT_BYTES } from './output-window.ts';

const ASKED = '[{"role":"user","content":"Write to jane@x.org"}]';
const MASKED = '[{"role":"user","content":"Write to ****"}]';
const FILTERS_OUTPUT = { policyVersion: 7n, filtersOutput: true };

function houseOf(keepsOriginals = true): FlowHouse {
  const house = new FlowHouse();
  house.principal = { ...PRINCIPAL, keepsOriginals };
  return house;
}

/** Masks what goes in, and each "jane" that comes out. */
function masking(house: FlowHouse): FlowHouse {
  house.filter.input = ({ call }) => ({ ...FILTERS_OUTPUT, action: 2, call: { ...call!, messages: Buffer.from(MASKED) } });
  house.filter.output = ({ events }: FilterOutput) => ({ events: events.map((given) => (given.event.case === 'delta' ? text(given.event.value.text.replace('jane', '****')) : given)) });
  house.answer = async function* () {
    yield [started()];
    for (const piece of ['To ', 'jane', ' it is']) yield [text(piece)];
    yield [over(), used(3n, 3n)];
  };
  return house;
}

const admittedOf = (house: FlowHouse): AdmittedBody => (house.records[0]!.body as unknown as { value: AdmittedBody }).value;
const outputsOf = (house: FlowHouse): OutputBody[] => house.records.flatMap(({ body }) => (body?.case === 'encodedOutput' ? [fromBinary(OutputBodySchema, body.bytes)] : []));
const originalText = (house: FlowHouse): string => textOf(outputsOf(house).flatMap(({ original }) => original?.events ?? []));
const textOf = (events: Events): string => events.map(({ event }) => (event.case === 'delta' ? event.value.text : '')).join('');
const openingOf = (house: FlowHouse, name: string): Buffer | undefined => {
  const found = house.ending().openings.find((opening) => opening.name === name);
  return found && Buffer.from(found.value);
};
const namesOf = (house: FlowHouse): string[] => house.ending().openings.map(({ name }) => name);
const asked = (house: FlowHouse, init: Partial<Call> = {}): Call => house.call({ messages: Buffer.from(ASKED), ...init });

/** The end of the chain over the originals that are on record. */
function chainOf(house: FlowHouse): Buffer {
  return outputsOf(house).flatMap(({ original }) => (original ? [toBinary(OriginalOutputSchema, original)] : [])).reduce<Buffer>(nextChain, originalChainStart(house.ending().originalOutputSalt));
}

describe('a project that keeps originals', () => {
  it.each([true, false])('has what was asked and answered on record beside what was sent, each committed to by itself; streamed: %s', async (stream) => {
    const house = masking(houseOf());
    const call = asked(house, { stream });
    await house.run(call);
    const { call: sent, original, originalSalt, promptSalt } = admittedOf(house);
    expect([Buffer.from(sent!.messages).toString(), Buffer.from(original!.messages).toString()]).toEqual([MASKED, ASKED]);
    expect(openingOf(house, 'prompt')).toEqual(commitmentHash(promptSalt, encodeCall(sent!)));
    expect(openingOf(house, 'original_prompt')).toEqual(commitmentHash(originalSalt, encodeCall(plainCall(call))));
    expect([house.releasedText(), house.recordedText(), originalText(house)]).toEqual(['To **** it is', 'To **** it is', 'To jane it is']);
    expect(new Set(outputsOf(house).flatMap(({ original }) => original?.events.map(({ event }) => event.case) ?? []))).toEqual(new Set(['delta', 'finished']));
    expect(openingOf(house, 'original_output')).toEqual(chainOf(house));
    expect(Buffer.from(house.routed[0]!.call.messages).toString()).toBe(MASKED);
  });

  it('has nothing of it in the clear part of a record, nor in the chain of what was sent', async () => {
    const [kept, plain] = [masking(houseOf()), masking(houseOf(false))];
    for (const house of [kept, plain]) await house.run(asked(house));
    const clear = kept.records.map(({ record }) => JSON.stringify(record, (_key, value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : typeof value === 'bigint' ? String(value) : value))).join();
    expect(clear).not.toContain('jane');
    expect(openingOf(kept, 'output')).toEqual(openingOf(plain, 'output'));
  });

  it('has what a rule on parameters, or a budget, changed as it was asked', async () => {
    const house = houseOf();
    house.rules = (call) => withChange(call, { fields: [{ name: 'temperature', json: Buffer.from('1') }] }, { parameter: 'temperature', askedJson: '2', sentJson: '1', ruleId: 'prule_1' });
    await house.run(asked(house, { fields: [{ name: 'temperature', json: Buffer.from('2') }] }));
    const { call, original } = admittedOf(house);
    expect([call!.fields, original!.fields].map(([field]) => Buffer.from(field!.json).toString())).toEqual(['1', '2']);
  });

  it('does not tell by its leaves whether something was changed, and commits to it where nothing was', async () => {
    const [changed, same] = [masking(houseOf()), houseOf()];
    for (const house of [changed, same]) await house.run(asked(house));
    expect(namesOf(same)).toEqual(namesOf(changed));
    expect([openingOf(same, 'original_prompt')!.length, openingOf(same, 'original_output')!.length]).toEqual([0, 0]);
    expect([admittedOf(same).original, originalText(same), same.ending().originalOutputSalt]).toEqual([undefined, '', undefined]);
  });

  it('has what a rule blocked in an answer, to the piece at which it did', async () => {
    const house = houseOf();
    house.filter.input = () => FILTERS_OUTPUT;
    house.filter.output = ({ events }) => (textOf(events).includes('bluebird') ? { events: [over('content_filter')], hitCount: 1, stop: true } : { events });
    house.answer = async function* () {
      yield [started()];
      for (const piece of ['The ', 'bluebird', ' sings']) yield [text(piece)];
    };
    await house.run();
    expect([house.releasedText(), originalText(house)]).toEqual(['The ', 'The bluebird']);
    expect(openingOf(house, 'original_output')).toEqual(chainOf(house));
  });

  it('has what a filter that fails was given, and never came back', async () => {
    const house = houseOf();
    house.filter.input = () => FILTERS_OUTPUT;
    house.filter.output = () => { throw new ServiceError('internal', 'broken'); };
    expect(await house.run()).toMatchObject({ error: { code: 'content_filter_unavailable' } });
    expect([house.releasedText(), originalText(house)]).toEqual(['', 'Hello']);
  });

  it('holds no more of it than of output: where the filter holds everything, originals go on record meanwhile', async () => {
    const house = houseOf();
    const piece = 'a'.repeat(10_000);
    let most = 0;
    house.filter.input = () => FILTERS_OUTPUT;
    house.filter.output = ({ events, last }) => {
      most = Math.max(most, house.filter.outputs.length * 2 * piece.length - 2 * originalText(house).length);
      return { events: last ? [text('b')] : events.filter(({ event }) => event.case !== 'delta') };
    };
    house.answer = async function* () {
      yield [started()];
      for (let pieces = 0; pieces < 20; pieces++) yield [text(piece)];
    };
    await house.run();
    expect([originalText(house).length, house.releasedText()]).toEqual([200_000, 'b']);
    expect(most).toBeLessThan(PENDING_LIMIT_BYTES + 3 * 2 * piece.length);
    expect(openingOf(house, 'original_output')).toEqual(chainOf(house));
  });

  it('takes room for what a whole answer was made of as for the answer', async () => {
    const [kept, plain] = [masking(houseOf()), masking(houseOf(false))];
    for (const house of [kept, plain]) await house.run(asked(house, { stream: false }));
    const bytes = ({ held }: FlowHouse): number => held.reduce((sum, each) => sum + each, 0);
    expect(bytes(plain)).toBeGreaterThan(0);
    expect(bytes(kept) - bytes(plain)).toBeGreaterThan(2 * 'To jane it is'.length);
  });

  it('has what a whole answer was made of in records of its own, so that none is larger than readers take', async () => {
    const house = masking(houseOf());
    const piece = 'a'.repeat(40_000);
    house.answer = async function* () {
      yield [started()];
      for (let pieces = 0; pieces < 20; pieces++) yield [text(piece)];
      yield [over(), used(3n, 3n)];
    };
    await house.run(asked(house, { stream: false }));
    expect([originalText(house).length, house.releasedText().length]).toEqual([800_000, 800_000]);
    const sizes = outputsOf(house).map(({ original, events }) => [textOf(original?.events ?? []).length, textOf(events).length]);
    expect(sizes.at(-1)![1]).toBe(800_000);
    for (const [originals, released] of sizes) expect([originals! < PENDING_LIMIT_BYTES + 2 * piece.length, originals === 0 || released === 0 || originals! < PENDING_LIMIT_BYTES]).toEqual([true, true]);
    expect(openingOf(house, 'original_output')).toEqual(chainOf(house));
  });

  it('has nothing of a whole answer that breaks off, as nothing of it was sent', async () => {
    const house = masking(houseOf());
    house.answer = async function* () {
      yield [started(), text('jane')];
      throw new ServiceError('upstream_error', 'gone');
    };
    await house.run(asked(house, { stream: false }));
    expect([house.recordedText(), originalText(house)]).toEqual(['', '']);
  });
});

describe('a project that keeps originals, of a call that is refused,', () => {
  const refusing = async (happens: (house: FlowHouse) => unknown, keepsOriginals = true): Promise<FlowHouse> => {
    const house = masking(houseOf(keepsOriginals));
    happens(house);
    expect(await house.run(asked(house))).toBeInstanceOf(ServiceError);
    return house;
  };
  const blocks = (house: FlowHouse): unknown => (house.filter.input = ({ call }) => ({ action: 1, policyVersion: 7n, ruleId: 'r', ruleTitle: 't', call: { ...call!, messages: Buffer.from(MASKED) } }));
  const refuses = (house: FlowHouse): unknown => (house.rules = () => { throw new ServiceError('invalid_value', 'x', { param: 'temperature' }); });

  it.each([['that the filter blocks', blocks, MASKED], ['that comes before the filter', refuses, undefined]])('has what was asked: %s', async (_when, happens, sent) => {
    const house = await refusing(happens);
    const { call, original, originalSalt } = house.ending();
    expect([call && Buffer.from(call.messages).toString(), Buffer.from(original!.messages).toString()]).toEqual([sent, ASKED]);
    expect(openingOf(house, 'original_prompt')).toEqual(commitmentHash(originalSalt, encodeCall(original!)));
    expect(namesOf(house)).not.toContain('original_output');
  });

  it('has it once where no rule found anything in it', async () => {
    const house = await refusing((given) => {
      given.filter.input = () => ({});
      given.billing.hold = () => ({ refusal: { level: 2, subjectId: 'project_1', period: 'day' } });
    });
    expect([Buffer.from(house.ending().call!.messages).toString(), house.ending().original, openingOf(house, 'original_prompt')!.length]).toEqual([ASKED, undefined, 0]);
  });

  it('says nothing of originals where the project does not keep them', async () => {
    const refused = await refusing(blocks, false);
    const answered = masking(houseOf(false));
    await answered.run(asked(answered));
    for (const house of [refused, answered]) expect(namesOf(house).filter((name) => name.startsWith('original'))).toEqual([]);
    expect(JSON.stringify([refused.records, answered.records], (_key, value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : typeof value === 'bigint' ? String(value) : value))).not.toContain('jane');
  });
});
