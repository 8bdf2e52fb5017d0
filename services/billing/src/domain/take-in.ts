import type { TokenCounts } from '@sluice/pricing';
import type { BudgetBook } from './budget-book.ts';
import type { Epoch, HoldTerms } from './hold.ts';
import { bill, recordedEnd, recordedHold, type BilledCall, type Fact, type OpenCall } from './call.ts';

/** What the tables know of the calls that a batch names, and of all open calls of the epochs that it closes. */
export interface Known {
  readonly open: readonly OpenCall[];
  /** Calls that are billed. */
  readonly billed: ReadonlySet<string>;
}

/** What a batch changes. */
export interface Plan {
  /** Calls that are open, and were not known to be. */
  readonly opened: readonly OpenCall[];
  /** Calls of `known.open` with new figures. */
  readonly changed: readonly OpenCall[];
  /** Calls of `known.open` that are open no longer. */
  readonly ended: readonly string[];
  readonly billed: readonly BilledCall[];
  /** Refused calls: whatever they held is returned. */
  readonly refused: readonly string[];
  readonly closed: readonly Epoch[];
  /** Records that changed nothing because no producer should write them. */
  readonly strays: number;
}

interface Entry {
  call: OpenCall;
  readonly isKnown: boolean;
  isChanged: boolean;
}

/**
 * What a batch of the log means for the ledger. A call is billed once: at its end, or at the end of its epoch, from the
 * last durable figures. `dayOfHold` tells on which day a call was given its hold, as far as that is remembered: a call
 * that is held before midnight and recorded after it belongs to the day of the hold.
 */
export function takeIn(facts: readonly Fact[], known: Known, dayOfHold: (callId: string) => number | undefined): Plan {
  const open = new Map<string, Entry>(known.open.map((call) => [call.callId, { call, isKnown: true, isChanged: false }]));
  const billed = new Map<string, BilledCall>();
  const ended: string[] = [];
  const refused: string[] = [];
  const closed: Epoch[] = [];
  let strays = 0;
  const forget = (callId: string): OpenCall | undefined => {
    const entry = open.get(callId);
    if (!entry) return undefined;
    open.delete(callId);
    if (entry.isKnown) ended.push(callId);
    return entry.call;
  };
  for (const fact of facts) {
    if (fact.kind === 'admitted') {
      const { callId } = fact.call;
      if (open.has(callId) || billed.has(callId) || known.billed.has(callId)) strays++;
      else open.set(callId, { call: { ...fact.call, day: dayOfHold(callId) ?? fact.call.day }, isKnown: false, isChanged: true });
    } else if (fact.kind === 'output') {
      const entry = open.get(fact.callId);
      if (entry) Object.assign(entry, { call: withFigures(entry.call, fact.counts, fact.hold), isChanged: true });
      else strays++;
    } else if (fact.kind === 'completed') {
      const call = forget(fact.callId);
      if (call) billed.set(fact.callId, bill(withFigures(call, fact.counts, fact.hold)));
      else strays++;
    } else if (fact.kind === 'refused') {
      forget(fact.callId);
      refused.push(fact.callId);
    } else if (fact.kind === 'closed') {
      for (const { call } of [...open.values()]) {
        if (call.producer !== fact.producer || call.epoch > fact.epoch) continue;
        forget(call.callId);
        billed.set(call.callId, bill(call));
      }
      closed.push({ producer: fact.producer, epoch: fact.epoch });
    } else strays++;
  }
  const opened: OpenCall[] = [];
  const changed: OpenCall[] = [];
  for (const { call, isKnown, isChanged } of open.values()) if (isChanged) (isKnown ? changed : opened).push(call);
  return { opened, changed, ended, billed: [...billed.values()], refused, closed, strays };
}

/** Tells the book what has become durable. */
export function applyPlan(book: BudgetBook, { opened, changed, billed, refused, closed }: Plan): void {
  for (const call of opened) book.adopt(recordedHold(call));
  for (const call of changed) book.adopt(recordedHold(call));
  for (const call of billed) book.end(recordedEnd(call));
  for (const callId of refused) book.release(callId);
  for (const epoch of closed) book.closeEpoch(epoch);
}

function withFigures(call: OpenCall, counts: TokenCounts, hold: HoldTerms | undefined): OpenCall {
  return { ...call, ...(hold && { amountNano: hold.amountNano, limited: hold.limited, outputTokens: hold.outputTokens }), counts };
}
