import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import fc from 'fast-check';
import { tokenBound } from './limits/token-bound.ts';
import { FlowHouse, over, started, text, used } from '../testing/flow-house.ts';

/** What may befall a call at a step. */
type Fate = 'fine' | 'throws' | 'leaves';
const fate = fc.constantFrom<Fate>('fine', 'fine', 'fine', 'fine', 'fine', 'throws', 'leaves');

const script = fc.record({
  stream: fc.boolean(),
  choices: fc.integer({ min: 1, max: 3 }),
  pieces: fc.array(fc.record({ length: fc.integer({ min: 1, max: 400 }), choice: fc.nat(2), ending: fc.boolean() }), { maxLength: 40 }),
  ends: fc.boolean(),
  affordable: fc.option(fc.integer({ min: 0, max: 900 }), { nil: undefined }),
  verdict: fc.constantFrom('none', 'block', 'mask', 'flag'),
  filtersOutput: fc.boolean(),
  stopsAfter: fc.option(fc.nat(30), { nil: undefined }),
  maxTokens: fc.option(fc.integer({ min: 1, max: 2_000 }), { nil: undefined }),
  steps: fc.record({ input: fate, hold: fate, router: fate, output: fate, extend: fate, settle: fate }),
  loses: fc.constantFrom(false, false, false, true),
});
type Script = typeof script extends fc.Arbitrary<infer Value> ? Value : never;

function houseOf({ pieces, ends, affordable, verdict, filtersOutput, stopsAfter, steps, loses, choices }: Script): FlowHouse {
  const house = new FlowHouse();
  const meet = (fateOfStep: Fate): void => {
    if (fateOfStep === 'leaves') house.abort.abort(new ServiceError('cancelled', 'left'));
    if (fateOfStep === 'throws') throw new Error('broken');
  };
  if (loses) house.loses = new ServiceError('epoch_lost', 'lost');
  house.filter.input = ({ call }) => {
    meet(steps.input);
    const action = { none: 0, block: 1, mask: 2, flag: 3 }[verdict];
    return { action, policyVersion: verdict === 'none' ? 0n : 4n, ruleTitle: 'A rule', filtersOutput, hitCount: action === 0 ? 0 : 1, ...(action === 2 ? { call: { ...call!, fields: call!.fields, messages: Buffer.from('[{"role":"user","content":"*"}]') } } : {}) };
  };
  let seen = 0;
  house.filter.output = ({ events }) => {
    meet(steps.output);
    return { events, stop: stopsAfter !== undefined && ++seen > stopsAfter };
  };
  const least = (tokens: bigint): bigint => (affordable === undefined || tokens < BigInt(affordable) ? tokens : BigInt(affordable));
  const hold = (tokens: bigint) => ({ amountNano: 1_000_000n + 10n * tokens, limited: affordable !== undefined, outputTokens: tokens });
  house.billing.hold = ({ outputTokens, outputTokensBound }) => {
    meet(steps.hold);
    if (affordable === 0) return { refusal: { level: 1, subjectId: 'org_1', period: 'day' } };
    return { hold: hold(least(outputTokens)), price: { id: 'p', inputNano: 1n, cachedInputNano: 1n, outputNano: 10n, reasoningNano: 10n }, affordableOutputTokens: least(outputTokensBound === 0n ? 10_000n : outputTokensBound) };
  };
  house.billing.extend = ({ outputTokens }) => {
    meet(steps.extend);
    return hold(least(outputTokens));
  };
  house.billing.settle = () => meet(steps.settle);
  house.answer = async function* () {
    meet(steps.router);
    yield [started()];
    let batch = [];
    for (const { length, choice, ending } of pieces) {
      batch.push(text('x'.repeat(length), choice % choices));
      if (ending) yield batch.splice(0);
    }
    if (batch.length > 0) yield batch;
    if (!ends) throw new ServiceError('upstream_error', 'broke off');
    for (let choice = 0; choice < choices; choice++) yield [over('stop', choice)];
    yield [used(5n, BigInt(pieces.length))];
  };
  return house;
}

describe('the tokens of a call', () => {
  it.each([true, false])('are told to limits while they appear, with the bound of the input, and in truth at the end; streamed: %s', async (stream) => {
    const house = new FlowHouse();
    house.limitState = { requests: undefined, tokens: { limit: 9, remaining: 9, resetMs: 0 } };
    house.answer = async function* () {
      yield [started(), text('a')];
      yield [text('b'), text('c')];
      yield [over(), used(5n, 90n)];
    };
    const call = house.call({ stream });
    await house.run(call);
    const bound = tokenBound(call).inputTokens.charged;
    expect([house.used, house.tickets]).toEqual([[bound + 1, bound + 3, bound + 90], [95]]);
  });

  it('are not counted on the way where no limit counts them', async () => {
    const house = new FlowHouse();
    house.limitState = { requests: { limit: 9, remaining: 9, resetMs: 0 }, tokens: undefined };
    await house.run();
    expect([house.used, house.tickets]).toEqual([[], [5]]);
  });
});

describe('any call', () => {
  it('gives its ticket back when billing cannot even be asked', async () => {
    const house = new FlowHouse();
    house.before = (step) => {
      if (step === 'billing') throw new Error('broken');
    };
    expect(await house.run()).toMatchObject({ code: 'internal' });
    expect([house.tickets, house.filter.inputs.length, house.recorded().refused.length]).toEqual([[0], 0, 1]);
  });

  it('is on record once, ends its ticket once, never goes beyond what was set aside for it, and is settled by its record', async () => {
    await fc.assert(
      fc.asyncProperty(script, async (given) => {
        const house = houseOf(given);
        const fields = given.maxTokens === undefined ? [] : [{ name: 'max_tokens', json: Buffer.from(String(given.maxTokens)) }];
        await house.run(house.call({ stream: given.stream, choices: given.choices, fields }));
        const { admitted, completed, refused, output } = house.recorded();
        const isLost = given.loses && house.records.length === 0;
        expect(house.ticketsOut).toBe(1);
        expect(house.tickets).toHaveLength(1);
        if (!isLost) expect([admitted.length, completed.length, refused.length]).toEqual(refused.length === 1 ? [0, 0, 1] : [1, 1, 0]);
        for (let choice = 0; choice < given.choices; choice++) expect(house.recordedText(choice).startsWith(house.releasedText(choice))).toBe(true);
        const [end] = completed;
        if (!end) {
          expect([house.released.length, house.billing.settlements.length]).toEqual([0, 0]);
          return;
        }
        expect(house.billing.settlements.length).toBeLessThanOrEqual(1);
        for (const { counts } of house.billing.settlements) expect(counts).toMatchObject(end.counts!);
        expect(house.tickets).toEqual([Number(end.counts!.inputTokens + end.counts!.outputTokens)]);
        if (!end.hold!.limited) return;
        expect(end.overrunNano).toBe(0n);
        expect(end.costNano).toBeLessThanOrEqual(end.hold!.amountNano);
        expect(end.counts!.outputTokens).toBeLessThanOrEqual(end.hold!.outputTokens);
        let covered = admitted[0]!.hold!.hold!.outputTokens;
        for (const record of output) {
          covered = record.hold?.outputTokens ?? covered;
          expect(record.counts!.outputTokens).toBeLessThanOrEqual(covered);
        }
      }),
      { numRuns: 300 },
    );
  });
});
