import type { Clock, Ids } from '@sluice/clock';
import type { EventLog, SegmentEntry } from '@sluice/events';
import { create } from '@bufbuild/protobuf';
import { CallAbandonedSchema, type CallAbandoned } from '@sluice/proto/events/v1/calls';
import type { SqlTransaction } from '@sluice/sql';
import type { OpenCall } from '../domain/call.ts';
import { integrate } from '../domain/integrate.ts';
import { writeEnds } from './epoch-ends-sql.ts';
import { readKnown } from './known-calls-sql.ts';
import { appendLeaves } from './log-sql.ts';
import { decodeEntry } from './segment-items.ts';
import { keepSegments } from './segments-sql.ts';
import { writeCalls } from './write-calls-sql.ts';

export interface ConsumerDependencies {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly events: Pick<EventLog, 'publish'>;
  /** Told after each batch of records that changed nothing although they should not be there. */
  readonly onStrays: (strays: number) => void;
}

/**
 * Takes a batch in: segments as they are, the index of calls, leaves, and what must be told of abandoned calls, all in
 * the transaction that moves the cursor. A batch that comes again was rolled back before, so nothing is done twice.
 */
export async function consumeSegments(transaction: SqlTransaction, entries: readonly SegmentEntry[], { clock, ids, events, onStrays }: ConsumerDependencies): Promise<void> {
  const nowMs = clock.wallMs();
  const decoded = entries.map(decodeEntry);
  const items = decoded.map(({ item }) => item);
  const plan = integrate(items, await readKnown(transaction, items), { nowMs, randomBytes: (length) => ids.randomBytes(length) });
  const kept = decoded.flatMap(({ kept }, index) => (kept ? [{ kept, salt: plan.salts.get(index) }] : []));
  await keepSegments(transaction, kept.map((one) => one.kept), kept.map(({ salt }) => salt), nowMs);
  const firstLeaf = plan.leaves.length > 0 ? await appendLeaves(transaction, plan.leaves) : 0n;
  await writeCalls(transaction, plan, firstLeaf);
  await writeEnds(transaction, plan);
  for (const call of plan.abandoned) await events.publish(transaction, CallAbandonedSchema, call.organisationId, abandonedEvent(call));
  if (plan.strays > 0) onStrays(plan.strays);
}

function abandonedEvent({ callId, organisationId, projectId, keyId, model, producer, epoch, counts, outputBytes, outputChain, admittedAtMs }: OpenCall): CallAbandoned {
  const event = { callId, organisationId, projectId, keyId, model, producer, epoch, counts, outputBytes, outputChain: Uint8Array.from(outputChain), admittedAtMs };
  return create(CallAbandonedSchema, event);
}
