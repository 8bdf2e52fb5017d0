import { believedTokens, MAX_CALL_NANO, MAX_CALL_TOKENS, type UnitPrices } from '@sluice/pricing';
import { least, most } from './money.ts';

/** What a hold is asked to cover. */
export interface Wanted {
  /** More than the input can amount to. */
  readonly inputTokensBound: bigint;
  /** Output to cover before an extension. */
  readonly outputTokens: bigint;
  /** The most output that is asked for; 0: without bound. */
  readonly outputTokensBound: bigint;
  /** Less is of no use; 0: one token. */
  readonly leastOutputTokens: bigint;
}

/** What a call's tokens can cost at most: every token at its dearest. */
export interface WorstCase {
  readonly inputNano: bigint;
  readonly nanoPerOutputToken: bigint;
}

/** What can be held. */
export interface Quote {
  readonly amountNano: bigint;
  /** Output that the amount covers beside the whole input. */
  readonly outputTokens: bigint;
  /** What the budgets afford now, at most the bound; 0 when they do not limit the output. */
  readonly affordableOutputTokens: bigint;
  /** The input bound takes so much of the room that an exact count of the input may let more be covered. */
  readonly isTight: boolean;
}

export function worstCase(price: UnitPrices, inputTokensBound: bigint): WorstCase {
  return {
    inputNano: least(believedTokens(inputTokensBound) * most(price.inputNano, price.cachedInputNano), MAX_CALL_NANO),
    nanoPerOutputToken: most(price.outputNano, price.reasoningNano),
  };
}

/** The amount that covers so much output, and the whole input. */
export function amountFor({ inputNano, nanoPerOutputToken }: WorstCase, outputTokens: bigint): bigint {
  return least(inputNano + outputTokens * nanoPerOutputToken, MAX_CALL_NANO);
}

/** Of what is left, at least so many times the cost of the input bound makes its excess a trifle. */
const TIGHT_BELOW = 2n;

/**
 * What can be held in the given room (undefined: no budget). Less output than was wanted is held when there is no room for
 * all of it. Undefined: there is not even room for the input and the least output that is of use.
 */
export function quote(worst: WorstCase, wanted: Wanted, roomNano: bigint | undefined): Quote | undefined {
  const outputTokens = believedTokens(wanted.outputTokens);
  const amountNano = amountFor(worst, outputTokens);
  if (roomNano === undefined) return { amountNano, outputTokens, affordableOutputTokens: 0n, isTight: false };
  // What costs nothing fits, also under a budget that was lowered below what is there.
  const affordable = affordableOutput(worst, amountNano === 0n ? most(roomNano, 0n) : roomNano);
  const bound = wanted.outputTokensBound;
  if (affordable === undefined) {
    // All output is covered where it costs nothing.
    const free = bound > 0n ? bound : MAX_CALL_TOKENS;
    return amountNano === 0n || amountNano <= roomNano ? { amountNano, outputTokens: free, affordableOutputTokens: free, isTight: false } : undefined;
  }
  if (affordable < least(outputTokens, most(wanted.leastOutputTokens, 1n))) return undefined;
  const affordableOutputTokens = bound > 0n ? least(bound, affordable) : affordable;
  const isTight = worst.inputNano > 0n && (roomNano < TIGHT_BELOW * worst.inputNano || affordable < most(bound, outputTokens));
  if (affordable >= outputTokens) return { amountNano, outputTokens, affordableOutputTokens, isTight };
  return { amountNano: amountFor(worst, affordable), outputTokens: affordable, affordableOutputTokens, isTight };
}

/** Output tokens that fit beside the input; below zero when not even that fits; undefined when output costs nothing. */
export function affordableOutput({ inputNano, nanoPerOutputToken }: WorstCase, roomNano: bigint): bigint | undefined {
  if (nanoPerOutputToken === 0n) return undefined;
  return roomNano < inputNano ? -1n : (roomNano - inputNano) / nanoPerOutputToken;
}
