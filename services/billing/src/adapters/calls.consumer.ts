import type { Clock, Ids } from '@sluice/clock';
import type { EventRecord, SegmentEntry } from '@sluice/events';
import type { CallAbandoned, CallAbandonedSchema } from '@sluice/proto/events/v1/calls';
import type { SqlTransaction } from '@sluice/sql';
import type { BudgetBook } from '../domain/budget-book.ts';
import { bill, type BilledCall, type OpenCall } from '../domain/call.ts';
import { post } from '../domain/ledger.ts';
import { freePrice } from '../domain/money.ts';
import { dayOf } from '../domain/period.ts';
import { applyPlan, takeIn, type Plan } from '../domain/take-in.ts';
import type { AfterCommit } from './after-commit.ts';
import { readKnown, writeHolds } from './holds-sql.ts';
import { writePosting } from './ledger-sql.ts';
import { countsOf } from './messages.ts';
import { clean, NO_CURRENCY, readFacts } from './read-facts.ts';

export interface ConsumerDependencies {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly book: BudgetBook;
  /** Open calls as the tables have them: a stream is in many batches, and need not be read for each. Follows the tables. */
  readonly open: Map<string, OpenCall>;
  readonly afterCommit: AfterCommit;
  /** Told of each batch of calls that was billed, once it is durable. */
  readonly onBilled: (calls: readonly BilledCall[]) => void;
  /** Told of records that changed nothing although they should not be there. */
  readonly onStrays: (strays: number) => void;
}

/** Takes a batch of segments and closes into the ledger, in the transaction that moves the cursor, and then into the book. */
export async function consumeSegments(transaction: SqlTransaction, entries: readonly SegmentEntry[], dependencies: ConsumerDependencies): Promise<void> {
  // Memory has followed the batch before, so what it remembers is what the tables have.
  await dependencies.afterCommit.settled();
  const facts = entries.flatMap(readFacts);
  if (facts.length === 0) return;
  const known = await readKnown(transaction, facts, dependencies.open);
  await write(transaction, takeIn(facts, known, (callId) => dependencies.book.holdOf(callId)?.day), dependencies);
}

/**
 * Audit tells of a call that its process left behind. Billing has settled it already at the close of its epoch, from the
 * same last figures, or will when it comes to that close; so this bills only a call whose records it never saw, because
 * they were older than its place in the log: its usage, at no price.
 */
export async function consumeAbandoned(transaction: SqlTransaction, { message }: EventRecord<typeof CallAbandonedSchema>, dependencies: ConsumerDependencies): Promise<void> {
  if (!/^[0-9a-f]{32}$/.test(message.callId)) return;
  const unseen = await transaction.query(UNSEEN, [message.callId, message.producer, message.epoch]);
  if (unseen.length === 0) return;
  const billed = [bill(abandonedCall(message, dependencies.clock.wallMs()))];
  await write(transaction, { opened: [], changed: [], ended: [], billed, refused: [], closed: [], strays: 0 }, dependencies);
}

async function write(transaction: SqlTransaction, plan: Plan, { clock, ids, book, open, afterCommit, onBilled, onStrays }: ConsumerDependencies): Promise<void> {
  await writeHolds(transaction, plan);
  await writePosting(transaction, post(plan.billed, ids), clock.wallMs());
  await afterCommit.run(transaction, (isDurable) => {
    if (!isDurable) return;
    applyPlan(book, plan);
    for (const call of plan.opened) open.set(call.callId, call);
    for (const call of plan.changed) open.set(call.callId, call);
    for (const callId of plan.ended) open.delete(callId);
    onBilled(plan.billed);
    if (plan.strays > 0) onStrays(plan.strays);
  });
}

/** Nothing known of the call, and the close of its epoch behind us. One statement, because the other consumer runs beside this one. */
const UNSEEN = {
  name: 'billing_unseen',
  text: `SELECT FROM closed_epoch WHERE producer = $2 AND epoch >= $3
    AND NOT EXISTS (SELECT FROM item WHERE call_id = $1::uuid) AND NOT EXISTS (SELECT FROM open_hold WHERE call_id = $1::uuid)`,
};

function abandonedCall({ callId, organisationId, projectId, keyId, model, producer, epoch, counts, admittedAtMs }: CallAbandoned, nowMs: number): OpenCall {
  return {
    callId, organisationId: clean(organisationId), projectId: clean(projectId), keyId: clean(keyId), model: clean(model), producer: clean(producer), epoch,
    day: dayOf(admittedAtMs === 0n ? nowMs : Number(admittedAtMs)), price: freePrice(model, NO_CURRENCY), amountNano: 0n, limited: false, outputTokens: 0n,
    counts: countsOf(counts),
  };
}
