import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import { answering, limited, PRICE, unlimited } from '../testing/budgeted-house.ts';
import { estimated, over, started, text, used, type FlowHouse } from '../testing/flow-house.ts';
import { STEP_TOKENS } from './output-plan.ts';

/** The lengths that the model was asked for. */
function lengths({ routed }: FlowHouse): (string | undefined)[] {
  return routed.map(({ call }) => call.fields.filter(({ name }) => name.startsWith('max_')).map(({ json }) => Buffer.from(json).toString())[0]);
}

describe('output that is not seen while it is produced', () => {
  it('bounds by name what cannot be seen on the way, where the request names no length and little is affordable', async () => {
    const house = limited(1_000_000);
    house.billing.hold = () => ({ hold: { amountNano: 10n ** 6n, limited: true, outputTokens: 90n }, price: PRICE, affordableOutputTokens: 90n });
    answering(house, 1);
    await house.run(house.call({ choices: 2 }));
    expect(house.routed[0]!.call.fields.map(({ name, json }) => [name, Buffer.from(json).toString()])).toEqual([['max_completion_tokens', '45']]);
  });

  it('holds the whole answer of a model that was seen to hide output, and asks for as much as it said before where a budget affords no more', async () => {
    const house = limited(100_000);
    house.answer = async function* () {
      yield [started(), text('42'), over(), used(3n, 5_000n)];
    };
    const named = house.call({ fields: [{ name: 'max_tokens', json: Buffer.from('12000') }] });
    for (const call of [house.call(), house.call(), named]) await house.run(call);
    house.billing.hold = () => ({ hold: { amountNano: 10n ** 6n, limited: true, outputTokens: 3_000n }, price: PRICE, affordableOutputTokens: 3_000n });
    for (const call of [house.call(), named]) await house.run(call);
    expect(house.billing.holds.map(({ outputTokens }) => Number(outputTokens))).toEqual([256, 5_000, 12_000, 5_000, 12_000]);
    expect(lengths(house)).toEqual([undefined, '5000', '12000', '3000', '3000']);
  });

  it('sends no length to a model that was seen to hide output as long as the longest answer is affordable', async () => {
    const house = limited(1_000_000);
    house.answer = async function* () {
      yield [started(), text('42'), over(), used(3n, 5_000n)];
    };
    for (let call = 0; call < 2; call++) await house.run();
    expect([house.billing.extensions.map(({ outputTokens }) => Number(outputTokens)), lengths(house)]).toEqual([[5_000, 131_072], [undefined, undefined]]);
  });

  it('goes by what was known when its money was set aside, whatever is learned meanwhile', async () => {
    const house = limited(1_000_000);
    house.answer = async function* () {
      yield [started(), text('42'), over(), used(3n, 5_000n)];
    };
    const { hold } = house.billing;
    house.billing.hold = async (asked) => {
      house.billing.hold = hold;
      await house.run();
      return hold(asked);
    };
    await house.run(house.call({ fields: [{ name: 'max_tokens', json: Buffer.from('12000') }] }));
    expect(lengths(house)).toEqual([undefined, '12000']);
  });

  it('holds the whole answer of a backend whose answers come in one piece, once such a piece did not fit', async () => {
    const house = limited(300);
    house.answer = async function* () {
      yield [started(), text('x'.repeat(20_000)), over(), used(3n, 5_000n)];
    };
    for (let call = 0; call < 2; call++) await house.run();
    expect([house.releasedText(), house.billing.holds.map(({ outputTokens }) => Number(outputTokens)), lengths(house)]).toEqual(['', [256, 5_000], [undefined, '300']]);
  });

  it('takes nothing for hidden that is cut in small pieces, however many come together', async () => {
    const house = limited(300);
    house.answer = async function* () {
      yield [started(), ...Array.from({ length: 900 }, () => text('a'))];
    };
    for (let call = 0; call < 2; call++) await house.run();
    expect(house.billing.holds.map(({ outputTokens }) => Number(outputTokens))).toEqual([256, 256]);
  });

  it('takes a model for one that hides nothing where all of its output was seen', async () => {
    const house = limited(1_000_000);
    house.showsOutput = false;
    house.answer = async function* () {
      yield [started(), text('x'.repeat(4_000))];
      yield [over(), used(3n, 2_000n)];
    };
    for (let call = 0; call < 2; call++) await house.run();
    expect(house.billing.holds.map(({ outputTokens }) => Number(outputTokens))).toEqual([2_048, 256]);
  });

  describe('of a model of which nothing is known yet', () => {
    const unknown = (affordable: number): FlowHouse => {
      const house = limited(affordable);
      house.showsOutput = false;
      answering(house, 3);
      return house;
    };
    const covered = ({ billing: { holds, extensions } }: FlowHouse): number[] => [...holds, ...extensions].map(({ outputTokens }) => Number(outputTokens));

    it('is covered up to the longest answer, without a length that its window may be too small for', async () => {
      const house = unknown(1_000_000);
      await house.run(house.call({ choices: 2 }));
      expect([covered(house), lengths(house)]).toEqual([[4_096, 262_144], [undefined]]);
    });

    it('is given a short length where so much is not affordable, and keeps no more from others than that takes', async () => {
      const house = unknown(262_143);
      await house.run(house.call({ choices: 2 }));
      expect([covered(house), lengths(house)]).toEqual([[4_096], ['2048']]);
    });

    it('is given a short length, and holds no more, where somebody else takes the rest before it is set aside', async () => {
      const house = unknown(1_000_000);
      house.billing.extend = () => ({ amountNano: 10n ** 6n, limited: true, outputTokens: 2_048n });
      await house.run();
      expect([covered(house), lengths(house)]).toEqual([[2_048, 131_072], ['2048']]);
      expect(house.billing.extensions).toMatchObject([{ leastOutputTokens: 131_072n }]);
    });

    it.each([[12_000, 1_000_000, undefined], [12_000, 9_000, '9000']])('is covered whole where the request names %s: of %s that are affordable', async (asked, affordable, sent) => {
      const house = unknown(affordable);
      await house.run(house.call({ fields: [{ name: 'max_tokens', json: Buffer.from(String(asked)) }] }));
      expect([covered(house), lengths(house)]).toEqual([[12_000], [sent ?? '12000']]);
    });

    it('asks for no less than a token for each choice', async () => {
      const house = unknown(1_000_000);
      await house.run(house.call({ choices: 128 }));
      expect(house.billing.holds.map(({ leastOutputTokens }) => leastOutputTokens)).toEqual([128n]);
    });

    it('is covered as it comes once a report has shown that all of it is seen', async () => {
      const house = unknown(1_000_000);
      await house.run();
      await house.run();
      expect(covered(house)).toEqual([2_048, 256, 131_072]);
    });

    it.each([['all of an answer', true, 256], ['an answer that was broken off', false, 2_048]])('takes an estimate of %s for what it is', async (_what, isWhole, next) => {
      const house = unknown(1_000_000);
      house.answer = async function* () {
        yield [started(), text('a')];
        yield [...(isWhole ? [over()] : []), estimated(3n, 1n)];
      };
      await house.run();
      await house.run();
      expect(Number(house.billing.holds[1]!.outputTokens)).toBe(next);
    });
  });

  it('asks about a report beyond the hold also where nothing limited the call so far: a budget may by now', async () => {
    const house = unlimited();
    house.billing.extend = () => ({ amountNano: 10_000n, limited: true, outputTokens: 256n });
    house.answer = async function* () {
      yield [started(), text('a')];
      yield [over(), used(3n, 5_000n)];
    };
    await house.run();
    expect(house.billing.extensions).toMatchObject([{ counts: { outputTokens: 5_000n, inputTokens: 3n } }]);
    expect(house.recorded().completed).toMatchObject([{ hold: { limited: true, amountNano: 10_000n }, costNano: 50_009n, overrunNano: 40_009n }]);
  });

  it.each([['at the report', 1], ['before it too', 2]])('goes on with a report beyond the hold when billing is away and nothing limits the call: %s', async (_when, pieces) => {
    const house = unlimited();
    house.billing.extend = () => { throw new ServiceError('internal', 'away'); };
    house.answer = async function* () {
      yield [started()];
      for (let piece = 1; piece < pieces; piece++) yield [text('x'.repeat(4 * STEP_TOKENS))];
      yield [text('a'), over(), used(900n, 5_000n)];
    };
    expect(await house.run()).toMatchObject({ error: undefined });
    expect(house.recorded().completed).toMatchObject([{ overrunNano: 0n, counts: { inputTokens: 900n, outputTokens: 5_000n } }]);
  });
});
