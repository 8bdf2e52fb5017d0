import type { Ids } from '@sluice/clock';
import type { TokenCounts } from '@sluice/pricing';
import { subjectsOf, type BilledCall, type Caller } from './call.ts';

export interface LedgerTransaction extends Caller {
  readonly id: string;
  readonly model: string;
  readonly priceId: string;
  readonly day: number;
}

/** A debit is above zero, a credit below. */
export interface LedgerEntry {
  readonly transactionId: string;
  readonly organisationId: string;
  readonly kind: AccountKind;
  readonly currency: string;
  readonly amountNano: bigint;
}

export type AccountKind = 'usage' | 'overrun' | 'revenue';

export interface LedgerItem {
  readonly transactionId: string;
  readonly call: BilledCall;
}

/** What a batch adds to what one subject has spent on one day. */
export interface SpendDay {
  readonly level: string;
  readonly subjectId: string;
  readonly day: number;
  readonly organisationId: string;
  spentNano: bigint;
  overrunNano: bigint;
  unheldNano: bigint;
}

/** What a batch adds to the usage of one key and model on one day. */
export interface UsageDay extends Caller {
  readonly day: number;
  readonly model: string;
  calls: bigint;
  counts: TokenCounts;
  costNano: bigint;
  overrunNano: bigint;
}

/** Everything that a batch of billed calls adds to the ledger. */
export interface Posting {
  readonly transactions: readonly LedgerTransaction[];
  readonly entries: readonly LedgerEntry[];
  readonly items: readonly LedgerItem[];
  readonly spendDays: readonly SpendDay[];
  readonly usageDays: readonly UsageDay[];
}

/**
 * Posts billed calls: one transaction for all that have project, key, model, price and day in common, itemised by call.
 * What counts against budgets is debited to usage, what was above a limited hold to overrun; both are credited to revenue.
 */
export function post(calls: readonly BilledCall[], ids: Pick<Ids, 'callId'>): Posting {
  const transactions = new Map<string, Building>();
  const spendDays = new Map<string, SpendDay>();
  const usageDays = new Map<string, UsageDay>();
  const items = calls.map((call): LedgerItem => {
    addSpend(spendDays, call);
    addUsage(usageDays, call);
    const key = `${call.projectId} ${call.keyId} ${call.price.id} ${call.price.currency} ${call.day} ${call.model}`;
    let building = transactions.get(key);
    if (!building) transactions.set(key, (building = begin(call, ids.callId())));
    building.spentNano += call.costNano - call.overrunNano;
    building.overrunNano += call.overrunNano;
    return { transactionId: building.transaction.id, call };
  });
  const built = [...transactions.values()];
  return { transactions: built.map(({ transaction }) => transaction), entries: built.flatMap(entriesOf), items, spendDays: [...spendDays.values()], usageDays: [...usageDays.values()] };
}

interface Building {
  readonly transaction: LedgerTransaction;
  readonly currency: string;
  spentNano: bigint;
  overrunNano: bigint;
}

function begin({ organisationId, projectId, keyId, model, price, day }: BilledCall, id: string): Building {
  return { transaction: { id, organisationId, projectId, keyId, model, priceId: price.id, day }, currency: price.currency, spentNano: 0n, overrunNano: 0n };
}

function entriesOf({ transaction: { id, organisationId }, currency, spentNano, overrunNano }: Building): LedgerEntry[] {
  const entry = (kind: AccountKind, amountNano: bigint): LedgerEntry => ({ transactionId: id, organisationId, kind, currency, amountNano });
  return [entry('usage', spentNano), entry('overrun', overrunNano), entry('revenue', -spentNano - overrunNano)].filter(({ amountNano }) => amountNano !== 0n);
}

function addSpend(days: Map<string, SpendDay>, call: BilledCall): void {
  for (const { level, id } of subjectsOf(call)) {
    const key = `${level} ${id} ${call.day}`;
    let day = days.get(key);
    if (!day) days.set(key, (day = { level, subjectId: id, day: call.day, organisationId: call.organisationId, spentNano: 0n, overrunNano: 0n, unheldNano: 0n }));
    day.spentNano += call.costNano - call.overrunNano;
    day.overrunNano += call.overrunNano;
    day.unheldNano += call.unheldNano;
  }
}

function addUsage(days: Map<string, UsageDay>, { organisationId, projectId, keyId, model, day, counts, costNano, overrunNano }: BilledCall): void {
  const key = `${projectId} ${keyId} ${day} ${model}`;
  const known = days.get(key);
  if (!known) {
    days.set(key, { organisationId, projectId, keyId, model, day, calls: 1n, counts, costNano, overrunNano });
    return;
  }
  known.calls++;
  known.counts = {
    inputTokens: known.counts.inputTokens + counts.inputTokens, cachedInputTokens: known.counts.cachedInputTokens + counts.cachedInputTokens,
    outputTokens: known.counts.outputTokens + counts.outputTokens, reasoningTokens: known.counts.reasoningTokens + counts.reasoningTokens,
  };
  known.costNano += costNano;
  known.overrunNano += overrunNano;
}
