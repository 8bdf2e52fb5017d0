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
  readonly spentNano: bigint;
  readonly overrunNano: bigint;
  readonly unheldNano: bigint;
}

/** What a batch adds to the usage of one key and model on one day. */
export interface UsageDay extends Caller, TokenCounts {
  readonly day: number;
  readonly model: string;
  readonly calls: number;
  readonly costNano: bigint;
  readonly overrunNano: bigint;
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
  const groups = new Map<string, Group>();
  const items = calls.map((call): LedgerItem => {
    const key = `${call.projectId} ${call.keyId} ${call.price.id} ${call.price.currency} ${call.day} ${call.model}`;
    let group = groups.get(key);
    if (!group) groups.set(key, (group = begin(call, ids.callId())));
    group.calls++;
    group.inputTokens += call.counts.inputTokens;
    group.cachedInputTokens += call.counts.cachedInputTokens;
    group.outputTokens += call.counts.outputTokens;
    group.reasoningTokens += call.counts.reasoningTokens;
    group.costNano += call.costNano;
    group.overrunNano += call.overrunNano;
    group.unheldNano += call.unheldNano;
    return { transactionId: group.transaction.id, call };
  });
  const all = [...groups.values()];
  return { transactions: all.map(({ transaction }) => transaction), entries: all.flatMap(entriesOf), items, spendDays: spendOf(all), usageDays: usageOf(all) };
}

/** A transaction in the making, and what its calls add up to. */
interface Group extends Mutable<TokenCounts> {
  readonly transaction: LedgerTransaction;
  readonly currency: string;
  calls: number;
  costNano: bigint;
  overrunNano: bigint;
  unheldNano: bigint;
}

type Mutable<T> = { -readonly [Field in keyof T]: T[Field] };

function begin({ organisationId, projectId, keyId, model, price, day }: BilledCall, id: string): Group {
  return {
    transaction: { id, organisationId, projectId, keyId, model, priceId: price.id, day }, currency: price.currency,
    calls: 0, inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n, reasoningTokens: 0n, costNano: 0n, overrunNano: 0n, unheldNano: 0n,
  };
}

function entriesOf({ transaction: { id, organisationId }, currency, costNano, overrunNano }: Group): LedgerEntry[] {
  const entry = (kind: AccountKind, amountNano: bigint): LedgerEntry => ({ transactionId: id, organisationId, kind, currency, amountNano });
  return [entry('usage', costNano - overrunNano), entry('overrun', overrunNano), entry('revenue', -costNano)].filter(({ amountNano }) => amountNano !== 0n);
}

function spendOf(groups: readonly Group[]): SpendDay[] {
  const days = new Map<string, Mutable<SpendDay>>();
  for (const { transaction, costNano, overrunNano, unheldNano } of groups) {
    const { organisationId, day } = transaction;
    for (const { level, id } of subjectsOf(transaction)) {
      const key = `${level} ${id} ${day}`;
      let sum = days.get(key);
      if (!sum) days.set(key, (sum = { level, subjectId: id, day, organisationId, spentNano: 0n, overrunNano: 0n, unheldNano: 0n }));
      sum.spentNano += costNano - overrunNano;
      sum.overrunNano += overrunNano;
      sum.unheldNano += unheldNano;
    }
  }
  return [...days.values()];
}

function usageOf(groups: readonly Group[]): UsageDay[] {
  const days = new Map<string, Mutable<UsageDay>>();
  for (const group of groups) {
    const { organisationId, projectId, keyId, model, day } = group.transaction;
    const key = `${projectId} ${keyId} ${day} ${model}`;
    let sum = days.get(key);
    if (!sum) days.set(key, (sum = { organisationId, projectId, keyId, model, day, calls: 0, inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n, reasoningTokens: 0n, costNano: 0n, overrunNano: 0n }));
    sum.calls += group.calls;
    sum.inputTokens += group.inputTokens;
    sum.cachedInputTokens += group.cachedInputTokens;
    sum.outputTokens += group.outputTokens;
    sum.reasoningTokens += group.reasoningTokens;
    sum.costNano += group.costNano;
    sum.overrunNano += group.overrunNano;
  }
  return [...days.values()];
}
