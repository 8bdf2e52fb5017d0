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

/**
 * What a call costs, exactly: integers times integers, so nothing is rounded.
 * A backend that reports more cached input than input, or more reasoning than output, is believed no further than the whole.
 */
export function costNano(prices: UnitPrices, counts: TokenCounts): bigint {
  const cached = least(counts.cachedInputTokens, counts.inputTokens);
  const reasoning = least(counts.reasoningTokens, counts.outputTokens);
  return (
    (counts.inputTokens - cached) * prices.inputNano +
    cached * prices.cachedInputNano +
    (counts.outputTokens - reasoning) * prices.outputNano +
    reasoning * prices.reasoningNano
  );
}

function least(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}
