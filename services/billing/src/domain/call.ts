import { costNano as costOf, type TokenCounts } from '@sluice/pricing';
import type { Subject } from './account.ts';
import { settlementOf, type Epoch, type HoldTerms, type RecordedEnd, type RecordedHold } from './hold.ts';
import { most, type Price } from './money.ts';

/** Who called. */
export interface Caller {
  readonly organisationId: string;
  readonly projectId: string;
  readonly keyId: string;
}

/** A call that is in the log and has no end yet, with the last durable figures. */
export interface OpenCall extends Caller, Epoch, HoldTerms {
  readonly callId: string;
  readonly model: string;
  /** What it costs belongs to this day. */
  readonly day: number;
  readonly price: Price;
  readonly counts: TokenCounts;
}

/** A call at its end, billed. */
export interface BilledCall extends OpenCall {
  readonly costNano: bigint;
  /** Part of the cost above a limited hold. */
  readonly overrunNano: bigint;
  /** Part of the cost above a hold that no budget limited. */
  readonly unheldNano: bigint;
}

/** What one record, or the end of an epoch, says. */
export type Fact =
  | { readonly kind: 'admitted'; readonly call: OpenCall }
  | { readonly kind: 'output'; readonly callId: string; readonly counts: TokenCounts; readonly hold: HoldTerms | undefined }
  | { readonly kind: 'completed'; readonly callId: string; readonly counts: TokenCounts; readonly hold: HoldTerms | undefined }
  | { readonly kind: 'refused'; readonly callId: string }
  | ({ readonly kind: 'closed' } & Epoch)
  /** A segment that cannot be read. */
  | { readonly kind: 'unreadable' };

/** The levels that a call is counted at. */
export function subjectsOf({ organisationId, projectId, keyId }: Caller): Subject[] {
  return [{ level: 'organisation', id: organisationId }, { level: 'project', id: projectId }, { level: 'key', id: keyId }];
}

/** A call at the price that it was admitted at. */
export function bill(call: OpenCall): BilledCall {
  const { costNano, overrunNano } = settlementOf(call, costOf(call.price, call.counts));
  return { ...call, costNano, overrunNano, unheldNano: call.limited ? 0n : most(costNano - call.amountNano, 0n) };
}

export function recordedHold(call: OpenCall): RecordedHold {
  return { ...call, subjects: subjectsOf(call) };
}

export function recordedEnd(call: BilledCall): RecordedEnd {
  return { callId: call.callId, subjects: subjectsOf(call), day: call.day, spentNano: call.costNano - call.overrunNano };
}
