/** Tokens of one call. `input` holds the cached ones, `output` the reasoning ones, as OpenAI counts them: none is added twice. */
export interface TokenCounts {
  readonly inputTokens: bigint;
  readonly cachedInputTokens: bigint;
  readonly outputTokens: bigint;
  readonly reasoningTokens: bigint;
}

/** What one token costs, in nano-units (10^-9) of a currency. */
export interface UnitPrices {
  readonly inputNano: bigint;
  readonly cachedInputNano: bigint;
  readonly outputNano: bigint;
  readonly reasoningNano: bigint;
}

/** Tokens of one call that are believed, of each kind; no model has a window near it. */
export const MAX_CALL_TOKENS = 10n ** 9n;
/** A million units of currency for one call: no honest figure lies beyond it. */
export const MAX_CALL_NANO = 10n ** 15n;

/** A number of tokens as far as it is believed. */
export function believedTokens(tokens: bigint): bigint {
  return within(tokens, MAX_CALL_TOKENS);
}

/** Counts as far as they are believed: of what is cached or reasoning no more than there is of the whole that it is part of. */
export function believedCounts(counts: TokenCounts): TokenCounts {
  const inputTokens = believedTokens(counts.inputTokens);
  const outputTokens = believedTokens(counts.outputTokens);
  return { inputTokens, cachedInputTokens: within(counts.cachedInputTokens, inputTokens), outputTokens, reasoningTokens: within(counts.reasoningTokens, outputTokens) };
}

/**
 * What a call costs, exactly: integers times integers, so nothing is rounded. Always between 0 and `MAX_CALL_NANO`,
 * whatever a backend or a record says; every place that knows a cost has it from here, so none can differ.
 */
export function costNano(prices: UnitPrices, counts: TokenCounts): bigint {
  const { inputTokens: input, cachedInputTokens: cached, outputTokens: output, reasoningTokens: reasoning } = believedCounts(counts);
  const cost = (input - cached) * prices.inputNano + cached * prices.cachedInputNano + (output - reasoning) * prices.outputNano + reasoning * prices.reasoningNano;
  return within(cost, MAX_CALL_NANO);
}

/** What of a cost no hold covers: the part above one that is limited. It is shown as overrun, and charged to no budget. */
export function overrunNano(costNano: bigint, hold: { readonly amountNano: bigint; readonly limited: boolean }): bigint {
  return hold.limited ? costNano - within(hold.amountNano, costNano) : 0n;
}

function within(value: bigint, limit: bigint): bigint {
  if (value < 0n) return 0n;
  return value < limit ? value : limit;
}
