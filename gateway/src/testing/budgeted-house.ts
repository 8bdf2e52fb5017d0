import { FlowHouse, over, started, text, used } from './flow-house.ts';

export const PRICE = { id: 'price_1', model: 'org/small', currency: 'USD', inputNano: 3n, cachedInputNano: 1n, outputNano: 10n, reasoningNano: 10n };
const AMPLE = 1_000_000n;

/** A house in which a budget limits calls to so much output over all choices; what it affords becomes so little while they run. */
export function limited(affordable: number): FlowHouse {
  const house = new FlowHouse();
  const hold = (tokens: bigint) => ({ amountNano: 10_000n + tokens * 10n, limited: true, outputTokens: tokens });
  const least = (tokens: bigint): bigint => (tokens < BigInt(affordable) ? tokens : BigInt(affordable));
  house.billing.hold = ({ outputTokens, outputTokensBound }) => ({ hold: hold(least(outputTokens)), price: PRICE, affordableOutputTokens: outputTokensBound === 0n ? AMPLE : least(outputTokensBound) });
  house.billing.extend = ({ outputTokens }) => hold(least(outputTokens));
  return house;
}

/** A house in which no budget limits what a call costs. */
export function unlimited(): FlowHouse {
  const house = new FlowHouse();
  house.billing.hold = ({ outputTokens }) => ({ hold: { amountNano: 10_000n, outputTokens }, price: PRICE });
  house.billing.extend = ({ outputTokens }) => ({ amountNano: 20_000n, outputTokens });
  return house;
}

/** One token to a piece, and the count at the end. */
export function answering(house: FlowHouse, tokens: number, choices = 1): void {
  house.answer = async function* () {
    yield [started()];
    for (let token = 0; token < tokens; token++) yield [text('a', token % choices)];
    for (let choice = 0; choice < choices; choice++) yield [over('stop', choice)];
    yield [used(3n, BigInt(tokens))];
  };
}
