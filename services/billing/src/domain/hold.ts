import { overrunNano as overrunOf } from '@sluice/pricing';
import type { Cap, Standing, Subject } from './account.ts';
import type { Price } from './money.ts';
import type { Wanted } from './quote.ts';

/** Where a call is recorded. */
export interface Epoch {
  readonly producer: string;
  readonly epoch: bigint;
}

export interface HoldRequest extends Wanted, Epoch {
  /** Idempotency key. */
  readonly callId: string;
  /** Every level that the call is counted at. */
  readonly subjects: readonly Subject[];
  readonly price: Price;
  /** Day of the hold: what the call costs belongs to it. */
  readonly day: number;
}

/** A hold as the records of calls have it. */
export interface HoldTerms {
  readonly amountNano: bigint;
  /** A budget applies: what is not covered may not be produced. */
  readonly limited: boolean;
  readonly outputTokens: bigint;
}

/** A hold of a call that is in the log. */
export interface RecordedHold extends Epoch, HoldTerms {
  readonly callId: string;
  readonly subjects: readonly Subject[];
  readonly price: Price;
  readonly day: number;
}

export interface Settlement {
  readonly costNano: bigint;
  /** Part of the cost above the hold of a limited call. */
  readonly overrunNano: bigint;
}

/** Money set aside for one call. Only the book changes it. */
export interface Hold extends HoldTerms, Epoch {
  readonly callId: string;
  readonly price: Price;
  readonly day: number;
  readonly affordableOutputTokens: bigint;
  /** An exact count of the input may let more be covered. */
  readonly isTight: boolean;
  /** Set once, at the end. */
  readonly settlement: Settlement | undefined;
}

export interface Refusal extends Standing {
  readonly subject: Subject;
  readonly cap: Cap;
  /** With few enough tokens of input it would fit. */
  readonly isTight: boolean;
  /** It would fit if nothing were held for others. */
  readonly fitsWithoutHolds: boolean;
}

/** The end of a call as it stands on the record. */
export interface RecordedEnd {
  readonly callId: string;
  readonly subjects: readonly Subject[];
  readonly day: number;
  /** What counts against budgets: the cost without what exceeds a limited hold. */
  readonly spentNano: bigint;
}

/** What of a cost counts against budgets, and what a limited hold did not cover. */
export function settlementOf(hold: HoldTerms, costNano: bigint): Settlement & { readonly spentNano: bigint } {
  const overrunNano = overrunOf(costNano, hold);
  return { costNano, overrunNano, spentNano: costNano - overrunNano };
}
