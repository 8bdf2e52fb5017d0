import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import fc from 'fast-check';
import { FlowHouse, over, started, text, used } from '../testing/flow-house.ts';
import { FREE_HOLD, FREE_PRICE } from '../testing/ungoverned.ts';
import { tokenBound } from './limits/token-bound.ts';
import type { Granted, HoldAsked } from './ports.ts';
import type { CallSummary } from './request-flow.ts';
import { setAside } from './set-aside.ts';

const INPUT_NANO = 10n;
const OUTPUT_NANO = 4n;
const PRICE = { id: 'price_1', model: 'org/small', currency: 'USD', inputNano: INPUT_NANO, cachedInputNano: INPUT_NANO, outputNano: OUTPUT_NANO, reasoningNano: OUTPUT_NANO };
const BOUND = tokenBound(new FlowHouse().call()).inputTokens.most;
/** What the prompt really has. */
const TOKENS = 7;

/** A house in which one budget has so much left; `undefined`: none is set. */
function left(roomNano: bigint | undefined, tokens: number | undefined = TOKENS): FlowHouse {
  const house = new FlowHouse();
  house.count = () => Promise.resolve(tokens);
  const limited = roomNano !== undefined;
  const affordable = (input: bigint): bigint => ((roomNano ?? 10n ** 12n) - input * INPUT_NANO) / OUTPUT_NANO;
  const holdOf = (input: bigint, outputTokens: bigint) => ({ amountNano: input * INPUT_NANO + outputTokens * OUTPUT_NANO, limited, outputTokens });
  const least = (one: bigint, other: bigint): bigint => (one < other ? one : other);
  let held = 0n;
  house.billing.hold = ({ inputTokensBound, outputTokens, outputTokensBound }) => {
    const most = affordable(inputTokensBound);
    if (most < 1n) return { refusal: { level: 3, subjectId: 'key_1', period: 'day', amountNano: roomNano! } };
    held = inputTokensBound;
    return { hold: holdOf(held, least(outputTokens, most)), price: PRICE, affordableOutputTokens: outputTokensBound === 0n ? most : least(outputTokensBound, most) };
  };
  house.billing.inputIsTight = ({ inputTokensBound }) => roomNano !== undefined && roomNano > INPUT_NANO && roomNano < 2n * inputTokensBound * INPUT_NANO;
  house.billing.extend = ({ outputTokens }) => holdOf(held, least(outputTokens, affordable(held)));
  return house;
}

const inputBounds = (house: FlowHouse): number[] => house.billing.holds.map(({ inputTokensBound }) => Number(inputTokensBound));

describe('a prompt whose bytes do not fit a budget', () => {
  it('is not refused when it fits by its tokens, which are asked for once and set aside in the same conversation', async () => {
    const house = left(BigInt(TOKENS) * INPUT_NANO + 5n * OUTPUT_NANO);
    house.answer = async function* () {
      yield [started(), text('a'), over(), used(BigInt(TOKENS), 5n)];
    };
    const call = house.call({ fields: [{ name: 'max_tokens', json: Buffer.from('5') }] });
    expect(((await house.run(call)) as CallSummary).error).toBeUndefined();
    expect(inputBounds(house)).toEqual([BOUND, TOKENS]);
    expect(house.counted).toMatchObject([{ callId: 'c'.repeat(32), modelId: 'model_1', principal: { organisationId: 'org_1' }, call }]);
    expect(house.recorded()).toMatchObject({
      admitted: [{ hold: { hold: { amountNano: 90n, limited: true, outputTokens: 5n } } }],
      completed: [{ costNano: 90n, overrunNano: 0n, stoppedBy: '', counts: { inputTokens: BigInt(TOKENS), outputTokens: 5n } }],
      refused: [],
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect([house.billing.extensions.length, house.billing.settlements.length, house.billing.ended]).toEqual([0, 1, 1]);
  });

  it('is given all the output that is left beside its tokens, clipped or streamed', async () => {
    const room = BigInt(TOKENS) * INPUT_NANO + 40n * OUTPUT_NANO;
    const clipped = left(room);
    await clipped.run(clipped.call({ fields: [{ name: 'max_tokens', json: Buffer.from('500') }] }));
    expect(clipped.routed[0]!.call.fields.map(({ json }) => Buffer.from(json).toString())).toEqual(['40']);
    const streamed = left(room);
    streamed.answer = async function* () {
      yield [started()];
      for (;;) yield [text('a')];
    };
    await streamed.run();
    expect([streamed.releasedText().length, streamed.finished()]).toEqual([40, [{ reason: 'length', stoppedBy: 'budget' }]]);
    // Of a prompt that a tokeniser has counted the bytes are no estimate any more.
    expect(streamed.recorded().completed).toMatchObject([{ overrunNano: 0n, counts: { inputTokens: BigInt(TOKENS), outputTokens: 40n, estimated: true } }]);
  });

  it('is refused when it does not fit by its tokens either', async () => {
    const house = left(BigInt(TOKENS) * INPUT_NANO + OUTPUT_NANO - 1n);
    expect(await house.run()).toMatchObject({ code: 'insufficient_quota', message: 'The budget of this API key for this day does not cover this request.' });
    expect([inputBounds(house), house.routed.length, house.recorded().refused.length, house.recorded().admitted.length]).toEqual([[BOUND, TOKENS], 0, 1, 0]);
  });

  it.each([
    ['is not known', () => Promise.resolve(undefined)],
    ['fails', () => Promise.reject(new ServiceError('upstream_error', 'broken'))],
    ['comes too late', () => Promise.reject(new ServiceError('deadline_exceeded', 'late'))],
  ])('goes by them when the count %s', async (_, count) => {
    const refused = left(BigInt(BOUND) * INPUT_NANO);
    refused.count = count;
    expect(await refused.run()).toMatchObject({ code: 'insufficient_quota' });
    const granted = left(BigInt(BOUND) * INPUT_NANO + 12n);
    granted.count = count;
    await granted.run(granted.call({ fields: [{ name: 'max_tokens', json: Buffer.from('5') }] }));
    expect(granted.routed[0]!.call.fields.map(({ json }) => Buffer.from(json).toString())).toEqual(['3']);
    expect([inputBounds(refused), inputBounds(granted), refused.counted.length, granted.counted.length]).toEqual([[BOUND], [BOUND], 1, 1]);
  });

  it('goes by them where it may leave the house: nobody is asked', async () => {
    const house = left(BigInt(TOKENS) * INPUT_NANO + OUTPUT_NANO);
    house.leavesHouse = true;
    expect(await house.run()).toMatchObject({ code: 'insufficient_quota' });
    expect([house.counted, inputBounds(house)]).toEqual([[], [BOUND]]);
  });

  it('is set aside by more tokens than it has bytes, where a template says that much', async () => {
    const house = left(BigInt(BOUND) * INPUT_NANO + OUTPUT_NANO, BOUND + 1);
    expect(await house.run()).toMatchObject({ code: 'insufficient_quota' });
    expect(inputBounds(house)).toEqual([BOUND, BOUND + 1]);
  });

  it('is no longer counted for a client that has left', async () => {
    const house = left(BigInt(TOKENS) * INPUT_NANO + OUTPUT_NANO);
    let asked: AbortSignal | undefined;
    house.count = (_, signal) => {
      asked = signal;
      house.abort.abort(new ServiceError('cancelled', 'left'));
      return Promise.reject(signal.reason);
    };
    expect(await house.run()).toMatchObject({ code: 'insufficient_quota' });
    expect(asked?.aborted).toBe(true);
  });
});

describe('a prompt with room, or without a budget', () => {
  it.each([
    ['no budget', undefined],
    ['a budget with twice its bytes and more', 2n * BigInt(BOUND) * INPUT_NANO],
    ['a budget that is used up', 0n],
  ])('is counted by nobody, and asks for one hold: %s', async (_, roomNano) => {
    const house = left(roomNano);
    await house.run();
    expect([house.counted, inputBounds(house)]).toEqual([[], [BOUND]]);
  });
});

describe('what is set aside', () => {
  const amount = fc.bigInt({ min: 0n, max: 3_000n });

  it('never exceeds what is left, is refused only when the best count does not fit, and is for no other input than was held', () =>
    fc.assert(fc.asyncProperty(amount, fc.integer({ min: 1, max: 200 }), fc.option(fc.integer({ min: 1, max: 200 }), { nil: undefined }), async (room, bytes, tokens) => {
      let held = 0n;
      const hold = async ({ inputTokensBound, outputTokens }: HoldAsked): Promise<Granted> => {
        const inputNano = BigInt(inputTokensBound) * INPUT_NANO;
        const inputIsTight = room < 2n * inputNano;
        held = 0n;
        const affordable = (room - inputNano) / OUTPUT_NANO;
        if (room < inputNano + OUTPUT_NANO) return { inputIsTight, refusal: { $typeName: 'billing.v1.BudgetRefusal', level: 3, subjectId: 'k', period: 'day', amountNano: room, spentNano: 0n, heldNano: 0n, fitsWithoutHolds: false } };
        const covered = affordable < BigInt(outputTokens) ? affordable : BigInt(outputTokens);
        held = inputNano + covered * OUTPUT_NANO;
        return { inputIsTight, hold: { ...FREE_HOLD, limited: true, amountNano: held, outputTokens: covered }, price: FREE_PRICE, affordableOutputTokens: Number(affordable) };
      };
      const talk = { hold, extend: async () => FREE_HOLD, settle: async () => undefined, onBroken: () => undefined, end: () => undefined };
      const asked: HoldAsked = { callId: 'c', principal: { keyId: 'k', organisationId: 'o', projectId: 'p', models: [], keepsBodies: true }, modelName: 'm', producer: 'g', epoch: 1n, inputTokensBound: bytes, outputTokens: 8, outputTokensBound: 8, leastOutputTokens: 0 };
      const { granted, inputTokensBound, isCounted } = await setAside(talk, asked, async () => tokens);
      const isTight = room < 2n * BigInt(bytes) * INPUT_NANO;
      expect([inputTokensBound, isCounted]).toEqual(isTight && tokens !== undefined ? [tokens, true] : [bytes, false]);
      expect(granted.refusal !== undefined).toBe(room < BigInt(inputTokensBound) * INPUT_NANO + OUTPUT_NANO);
      expect(held <= room).toBe(true);
      expect(granted.refusal ? 0n : granted.hold.amountNano).toBe(held);
    })));
});
