import type { Ids } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { numberHeader } from './cloud-event.ts';
import { GroupReader, type KafkaHouse } from './group-reader.ts';
import { OWN_GROUPS } from './rights.ts';

const DEADLINE_MS = 30_000;

/** The offsets to look at: from the first, and below the second. */
export interface Stretch {
  readonly from: bigint;
  readonly to: bigint;
}

/** Positions in a stretch of a topic; undefined where it holds no record of Sluice. */
export interface Sequences {
  readonly first: bigint | undefined;
  readonly greatest: bigint | undefined;
}

/** Reads which positions lie in stretches of topics with one partition, by topic. Fails with `audit_log_unavailable` when that takes too long. */
export async function sequencesIn(house: KafkaHouse, ids: Pick<Ids, 'next'>, stretches: ReadonlyMap<string, Stretch>): Promise<ReadonlyMap<string, Sequences>> {
  const found = new Map<string, Sequences>();
  const waiting = new Set([...stretches].filter(([, { from, to }]) => from < to).map(([topic]) => house.prefix + topic));
  if (waiting.size === 0) return found;
  const whole = Promise.withResolvers<void>();
  const late = Promise.withResolvers<never>();
  const timer = house.clock.after(DEADLINE_MS, () => late.reject(new ServiceError('audit_log_unavailable', 'The event log does not answer.')));
  const reader = new GroupReader(house, {
    name: 'positions', groupId: house.prefix + ids.next(OWN_GROUPS.positions), topics: [...waiting].map((topic) => ({ topic, fromBeginning: true })),
    onAssigned: () => { for (const topic of waiting) reader.seek(topic, 0, stretches.get(topic.slice(house.prefix.length))!.from); },
    onBatch: async ({ batch, resolveOffset }) => {
      const topic = batch.topic.slice(house.prefix.length);
      const { to } = stretches.get(topic)!;
      for (const { offset, headers } of batch.messages) if (BigInt(offset) < to) found.set(topic, extended(found.get(topic), numberHeader(headers, 'ce_sequence')));
      resolveOffset(batch.lastOffset());
      if (BigInt(batch.lastOffset()) + 1n >= to) waiting.delete(batch.topic);
      if (waiting.size === 0) whole.resolve();
    },
    onRefused: late.reject,
  });
  try {
    await Promise.race([whole.promise, late.promise]);
    return found;
  } finally {
    timer.cancel();
    await reader.stop();
  }
}

function extended(known: Sequences | undefined, position: bigint | undefined): Sequences {
  const { first, greatest } = known ?? { first: undefined, greatest: undefined };
  return { first: first ?? position, greatest: position !== undefined && (greatest === undefined || position > greatest) ? position : greatest };
}
