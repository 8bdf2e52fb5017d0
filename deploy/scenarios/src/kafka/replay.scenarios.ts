import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { systemIds, type Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { openLogOperations, type LogOperations, type Subscription } from '@sluice/events';
import { createKafkaEventLog, type KafkaEventLog } from '@sluice/events/kafka';
import { CallAbandonedSchema } from '@sluice/proto/events/v1/calls';
import { createSql, type SqlPool } from '@sluice/sql';
import { startTestDatabase, type TestDatabase } from '@sluice/sql/testing';
import { silentLogger } from '@sluice/telemetry';

const LONG_MS = 120_000;
const TOPIC = 'call.abandoned';
const CONSUMER = 'shop';
const HOUR_MS = 3_600_000;

/** What an operator does to consumers on Kafka, from the database alone; on a broker that the caller runs. */
export function replayScenarios(brokerAddress: () => string, clock: Clock): void {
  describe('replay', () => {
    let database: TestDatabase;
    let sql: SqlPool;
    let log: KafkaEventLog;
    let operations: LogOperations;
    const faulty = new Set<string>();

    beforeAll(async () => {
      database = await startTestDatabase();
      sql = createSql({ url: database.url, schema: 'shop' });
      await sql.query('CREATE SCHEMA shop');
      await sql.query('CREATE TABLE taken (at bigserial, call_id text)');
      log = await createKafkaEventLog({ brokers: [brokerAddress()], clientId: 'replay', database: { url: database.url }, topicPrefix: 'replay.', clock, ids: systemIds(clock), logger: silentLogger });
      operations = openLogOperations(database.url);
    }, LONG_MS);
    afterAll(async () => {
      await operations.end();
      await log.stop();
      await sql.end();
      await database.stop();
    }, LONG_MS);

    const publish = (...ids: string[]): Promise<void> => sql.transaction(async (transaction) => {
      for (const callId of ids) await log.publish(transaction, CallAbandonedSchema, 'org_1', create(CallAbandonedSchema, { callId }));
    });
    const subscribe = (): Subscription => log.subscribe(CallAbandonedSchema, CONSUMER, async (transaction, { message }) => {
      await transaction.query('INSERT INTO taken (call_id) VALUES ($1)', [message.callId]);
      if (faulty.has(message.callId)) throw new ServiceError('internal', 'It cannot be handled.');
    });
    /** What was handled since it was asked last. */
    const taken = async (): Promise<string> => (await sql.query<{ call_id: string }>('WITH gone AS (DELETE FROM taken RETURNING *) SELECT call_id FROM gone ORDER BY at')).map((row) => row.call_id).join(' ');

    it('gives a consumer that is idle its records since a moment again, each once', async () => {
      const subscription = subscribe();
      await publish('a');
      await subscription.caughtUp();
      await sql.query('UPDATE events.relay_mark SET sent_at_ms = sent_at_ms - $1 WHERE topic = $2', [HOUR_MS, TOPIC]);
      faulty.add('c');
      await publish('b', 'c', 'd');
      await subscription.caughtUp();
      expect(await taken()).toBe('a b d');
      expect(await operations.listLetters({})).toMatchObject([{ topic: TOPIC, consumer: CONSUMER, position: 3n, attempts: 8 }]);
      faulty.clear();

      expect(await operations.rewind(TOPIC, CONSUMER, Date.now() - HOUR_MS / 2)).toEqual({ position: 1n, head: 4n, letters: 1 });
      await subscription.caughtUp();
      expect(await taken()).toBe('b c d');
      await publish('e');
      await subscription.caughtUp();
      expect(await taken()).toBe('e');

      // From the beginning of the log: nothing was sent before.
      expect(await operations.rewind(TOPIC, CONSUMER, Date.now() - 24 * HOUR_MS)).toEqual({ position: 0n, head: 5n, letters: 0 });
      await subscription.caughtUp();
      expect(await taken()).toBe('a b c d e');
      await subscription.stop();
    }, LONG_MS);

    it('moves a consumer that does not run, whoever works for it next', async () => {
      expect(await operations.rewind(TOPIC, CONSUMER, Date.now() - HOUR_MS / 2)).toMatchObject({ position: 1n, head: 5n });
      expect(await operations.positionOf(TOPIC, CONSUMER)).toBe(1n);
      // It is not moved on.
      expect(await operations.rewind(TOPIC, CONSUMER, Date.now() + HOUR_MS)).toMatchObject({ position: 1n });
      const subscription = subscribe();
      await subscription.caughtUp();
      await subscription.stop();
      expect(await taken()).toBe('b c d e');
      await expect(operations.rewind(TOPIC, 'shop.nobody', Date.now())).rejects.toMatchObject({ code: 'not_found' });
    }, LONG_MS);
  });
}
