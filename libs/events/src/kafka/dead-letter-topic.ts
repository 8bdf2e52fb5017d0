import type { SqlTransaction } from '@sluice/sql';
import { AGAIN } from '../postgres/dead-letters.ts';
import { NOW_MS } from '../postgres/notice.ts';
import { headersOf, topicSource } from './cloud-event.ts';
import { deadLetterTopic } from './declared-topics.ts';
import { putIntoOutbox } from './outbox.ts';
import type { ReadRecord } from './record-order.ts';

interface Burial {
  readonly consumer: string;
  readonly topic: string;
  /** Full name of the message. */
  readonly type: string;
  readonly partition: number;
  readonly record: ReadRecord;
  readonly attempts: number;
  /** Of libs/errors. */
  readonly code: string;
}

/**
 * Keeps a record that a consumer could not handle: as a row, which is what is replayed, and as a record of the topic's
 * dead letters, for whoever watches them with the tools of Kafka.
 */
export async function bury(transaction: SqlTransaction, { consumer, topic, type, partition, record, attempts, code }: Burial): Promise<void> {
  const { position, offset, key, payload, traceparent } = record;
  await transaction.query(
    `INSERT INTO events.dead_letter (consumer, topic, position, key, payload, error_code, attempts, failed_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, ${NOW_MS}) ${AGAIN}`,
    [consumer, topic, position, key, payload, code, attempts],
  );
  // Its time is that of the burial; everything else that names it is as it was.
  const { ce_time: _time, ...origin } = headersOf({ id: position.toString(), source: topicSource(topic), type, timeMs: 0, partitionKey: key, sequence: position, traceparent });
  const headers = {
    ...origin,
    'x-error': code, 'x-attempts': String(attempts), 'x-consumer': consumer,
    'x-origin-topic': topic, 'x-origin-partition': String(partition), 'x-origin-offset': offset.toString(),
  };
  await putIntoOutbox(transaction, { topic: deadLetterTopic(topic), key, payload, headers });
}
