import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { systemClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { CallAbandonedSchema } from '@sluice/proto/events/v1/calls';
import { createSql, type SqlPool } from '@sluice/sql';
import { startTestDatabase, type TestDatabase } from '@sluice/sql/testing';
import { silentLogger } from '@sluice/telemetry';
import { createPostgresEventLog, type PostgresEventLog } from '../postgres/postgres-event-log.ts';
import { openLogOperations, type LogOperations } from './log-operations.ts';

const TOPIC = 'call.abandoned';
const DAY_MS = 86_400_000;
const LONG_MS = 60_000;

describe('what an operator does to the log', () => {
  let database: TestDatabase;
  let sql: SqlPool;
  let log: PostgresEventLog;
  let operations: LogOperations;
  let consumers = 0;
  /** Of this test. */
  let consumer: string;
  let faulty: Set<string>;

  beforeAll(async () => {
    database = await startTestDatabase();
    sql = createSql({ url: database.url, schema: 'shop' });
    await sql.query('CREATE SCHEMA shop');
    await sql.query('CREATE TABLE taken (at bigserial, consumer text, call_id text)');
    operations = openLogOperations(database.url);
    await expect(operations.listLetters({})).rejects.toMatchObject({ code: 'not_found' });
    // What is tried again is tried again at once.
    log = await createPostgresEventLog({ url: database.url, clock: { ...systemClock, after: (delayMs, run) => systemClock.after(delayMs / 100, run) }, logger: silentLogger });
  }, LONG_MS);
  beforeEach(async () => {
    consumer = `shop.c${++consumers}`;
    faulty = new Set();
    await sql.query('DELETE FROM events.record');
    await sql.query('DELETE FROM events.dead_letter');
  });
  afterAll(async () => {
    await operations.end();
    await log.stop();
    await sql.end();
    await database.stop();
  });

  const publish = (...ids: string[]): Promise<void> => sql.transaction(async (transaction) => {
    for (const callId of ids) await log.publish(transaction, CallAbandonedSchema, 'org_1', create(CallAbandonedSchema, { callId, organisationId: 'org_1' }));
  });
  const subscribe = () => log.subscribe(CallAbandonedSchema, consumer, async (transaction, { message }) => {
    await transaction.query('INSERT INTO taken (consumer, call_id) VALUES ($1, $2)', [consumer, message.callId]);
    if (faulty.has(message.callId)) throw new ServiceError('internal', 'It cannot be handled.');
  });
  const taken = async (): Promise<string[]> => (await sql.query<{ call_id: string }>('SELECT call_id FROM taken WHERE consumer = $1 ORDER BY at', [consumer])).map((row) => row.call_id);
  const head = async (): Promise<bigint> => (await sql.query<{ head: bigint }>('SELECT head FROM events.topic'))[0]!.head;
  /** Makes it look as if all that is there had been published so long ago. */
  const age = (ms: number): Promise<unknown> => sql.query('UPDATE events.record SET published_at_ms = published_at_ms - $1', [ms]);

  it('shows a letter with its message, and tells what came of it when it was given again', async () => {
    faulty.add('b').add('c');
    await publish('a', 'b', 'c');
    const last = await head();
    const subscription = subscribe();
    try {
      await subscription.caughtUp();
      const letters = await operations.listLetters({ topic: TOPIC, consumer });
      expect(letters).toMatchObject([{ position: last - 1n, key: 'org_1', code: 'internal', attempts: 8, isWaiting: false }, { position: last }]);
      expect(await operations.listLetters({ consumer: 'shop.other' })).toEqual([]);
      const place = { topic: TOPIC, consumer, position: last };
      expect(await operations.openLetter(place)).toMatchObject({ type: 'events.v1.CallAbandoned', message: { callId: 'c', organisationId: 'org_1' } });
      expect(await operations.openLetter({ ...place, position: 999n })).toBeUndefined();
      faulty.delete('b');
      const given = await operations.tryLettersAgain({ consumer });
      expect(given.map(({ position }) => position)).toEqual([last - 1n, last]);
      while ((await operations.lettersAt(given)).some(({ isWaiting }) => isWaiting)) await subscription.caughtUp();
      expect(await operations.lettersAt(given)).toMatchObject([{ position: last, attempts: 9, isWaiting: false }]);
      expect(await taken()).toEqual(['a', 'b']);
    } finally {
      await subscription.stop();
    }
  }, LONG_MS);

  it('shows the bytes of a letter that cannot be read', async () => {
    const letter = `INSERT INTO events.dead_letter (consumer, topic, position, key, payload, error_code, attempts, failed_at_ms) VALUES ($1, $2, 1, 'k', '\\xff', 'internal', 8, 1)`;
    await sql.query(letter, [consumer, TOPIC]);
    await sql.query(letter, [consumer, 'gone.topic']);
    expect(await operations.openLetter({ topic: TOPIC, consumer, position: 1n })).toMatchObject({ type: 'events.v1.CallAbandoned', message: undefined, payload: Buffer.of(0xff) });
    expect(await operations.openLetter({ topic: 'gone.topic', consumer, position: 1n })).toMatchObject({ type: undefined, message: undefined });
  });

  it('lets a consumer that runs handle again what was published since a moment, its letters among it', async () => {
    await publish('old');
    await age(DAY_MS);
    await publish('a', 'b');
    faulty.add('b');
    const subscription = subscribe();
    try {
      await subscription.caughtUp();
      faulty.clear();
      const last = await head();
      expect(await operations.rewind(TOPIC, consumer, Date.now() - DAY_MS / 2)).toEqual({ position: last - 2n, head: last, letters: 1 });
      await subscription.caughtUp();
      expect(await taken()).toEqual(['old', 'a', 'a', 'b']);
      expect(await operations.positionOf(TOPIC, consumer)).toBe(last);
      expect(await operations.listLetters({ consumer })).toEqual([]);
    } finally {
      await subscription.stop();
    }
  }, LONG_MS);

  it('takes what fails once more for the letter that it is', async () => {
    faulty.add('a');
    await publish('a');
    const first = subscribe();
    await first.caughtUp();
    await first.stop();
    // As whoever removes the cursor by hand.
    await sql.query('DELETE FROM events.topic_cursor WHERE consumer = $1', [consumer]);
    const again = subscribe();
    await again.caughtUp();
    await again.stop();
    expect(await operations.listLetters({ consumer })).toHaveLength(1);
  }, LONG_MS);

  it('moves nobody on, and nobody beyond what the log keeps', async () => {
    await publish('a', 'b');
    await sql.query('INSERT INTO events.topic_cursor (consumer, topic, position) VALUES ($1, $2, $3)', [consumer, TOPIC, (await head()) - 2n]);
    const place = (await head()) - 2n;
    expect(await operations.rewind(TOPIC, consumer, Date.now() + DAY_MS)).toMatchObject({ position: place });
    await age(DAY_MS);
    expect(await operations.rewind(TOPIC, consumer, Date.now() - 60_000)).toMatchObject({ position: place });
    await expect(operations.rewind(TOPIC, consumer, Date.now() - 7 * DAY_MS)).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringMatching(/keeps call\.abandoned for 7 days.*earliest moment to begin at is \d{4}-/) });
    await expect(operations.rewind(TOPIC, 'shop.nobody', Date.now())).rejects.toMatchObject({ code: 'not_found' });
    for (const topic of ['calls', 'producer.beat', 'call.abandoned.dlq', 'what']) await expect(operations.rewind(topic, consumer, Date.now())).rejects.toMatchObject({ code: 'not_found' });
    expect(await operations.positionOf(TOPIC, consumer)).toBe(place);
  });

  it('says that the database is away', async () => {
    const nowhere = openLogOperations('postgresql://sluice@127.0.0.1:1/nothing');
    await expect(nowhere.listLetters({})).rejects.toMatchObject({ code: 'audit_log_unavailable' });
    await nowhere.end();
  });
});
