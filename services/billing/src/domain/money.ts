import type { TokenCounts, UnitPrices } from '@sluice/pricing';

/** A version of a model's price, in nano-units a token of `currency`. An empty id: the model had no price and cost nothing. */
export interface Price extends UnitPrices {
  readonly id: string;
  readonly model: string;
  readonly currency: string;
  readonly validFromMs: number;
}

/** Above any honest price: a thousand units of currency for one token. */
export const MAX_PRICE_NANO = 10n ** 12n;
/** A billion units of currency. */
export const MAX_BUDGET_NANO = 10n ** 18n;
/** The most that an `int64` of a message or a record holds: nine billion units of currency. */
const MAX_TOLD_NANO = 2n ** 63n - 1n;
export const NO_COUNTS: TokenCounts = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n, reasoningTokens: 0n };

/** What a model without a price costs. */
export function freePrice(model: string, currency: string): Price {
  return { id: '', model, currency, inputNano: 0n, cachedInputNano: 0n, outputNano: 0n, reasoningNano: 0n, validFromMs: 0 };
}

/** A sum, as far as an `int64` tells it. The tables, the book and the strings of the reads have all of it. */
export function told(nano: bigint): bigint {
  return least(nano, MAX_TOLD_NANO);
}

export function least(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}

export function most(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
}
