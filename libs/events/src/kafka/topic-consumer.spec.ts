import { expect, it } from '@jest/globals';
import type { KafkaMessage } from 'kafkajs';
import { ManualClock } from '@sluice/clock';
import { CallAbandonedSchema } from '@sluice/proto/events/v1/calls';
import type { Sql } from '@sluice/sql';
import { silentLogger } from '@sluice/telemetry';
import { TopicConsumer } from './topic-consumer.ts';

it('tells of a record that is missing for long, and no more when the partition is taken over anew', async () => {
  const clock = new ManualClock();
  const consumer = new TopicConsumer({ kafka: undefined as never, prefix: '', clock, logger: silentLogger }, undefined as unknown as Sql, CallAbandonedSchema, 'billing', () => Promise.resolve());
  const held = { partition: 0, owner: 1n, position: 4n, nextOffset: 7n, firstOffset: 0n };
  const message = { offset: '8', key: Buffer.from('org'), value: Buffer.alloc(0), headers: { ce_sequence: '6' } } as unknown as KafkaMessage;
  await consumer.take(consumer.begin(held), [message], { beat: () => Promise.resolve(), isRunning: true });
  expect(consumer.fault).toBeUndefined();
  clock.advance(10_000);
  expect(consumer.fault).toContain('the record 5 of');
  // Somebody else has handled what came late, and the records behind it.
  consumer.begin({ ...held, position: 6n, nextOffset: 9n });
  expect(consumer.fault).toBeUndefined();
});
