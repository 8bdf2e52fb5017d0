import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '@sluice/clock';
import { createSql, type SqlPool } from '@sluice/sql';
import { startTestDatabase } from '@sluice/sql/testing';
import { silentLogger } from '@sluice/telemetry';
import type { SegmentEntry } from '../event-log.ts';
import { createPostgresEventLog, type PostgresEventLog } from './postgres-event-log.ts';

let database: Awaited<ReturnType<typeof startTestDatabase>>;
let sql: SqlPool;
/** Two processes: what one has appended the other must have sent to it. */
let here: PostgresEventLog;
let there: PostgresEventLog;
const failed = Promise.withResolvers<string>();
beforeAll(async () => {
  database = await startTestDatabase();
  sql = createSql({ url: database.url, schema: 'shop' });
  await sql.query('CREATE SCHEMA shop');
  here = await createPostgresEventLog({ url: database.url, clock: systemClock, logger: { ...silentLogger, warn: ({ error }) => failed.resolve(String(error)) } });
  there = await createPostgresEventLog({ url: database.url, clock: systemClock, logger: { ...silentLogger, warn: ({ error }) => failed.resolve(String(error)) } });
});
afterAll(async () => {
  await Promise.all([here.stop(), there.stop(), sql.end()]);
  await database.stop();
});

async function append(log: PostgresEventLog, producer: string, texts: readonly string[]): Promise<void> {
  const epoch = await log.takeEpoch(producer);
  for (const [seq, text] of texts.entries()) await log.appendSegment({ producer, epoch, seq: BigInt(seq), bytes: Buffer.from(text) });
}

async function readAll(log: PostgresEventLog, consumer: string): Promise<string[]> {
  const read: string[] = [];
  const textOf = (entry: SegmentEntry): string =>
    entry.kind === 'closed' ? `${entry.producer} ${entry.epoch} ${entry.seq} closed` : `${entry.segment.producer} ${entry.segment.epoch} ${entry.segment.seq} ${Buffer.from(entry.segment.bytes).toString()}`;
  const subscription = log.subscribeSegments(consumer, async (_, entries) => void read.push(...entries.map(textOf)));
  await subscription.caughtUp();
  await subscription.stop();
  return read.toSorted();
}

describe('a reader of segments', () => {
  it('has the same bytes of what its own process appended, what another did, and what is from before a restart', async () => {
    await append(here, 'a', ['a one', '', 'a three']);
    await append(there, 'b', ['b one', 'b two']);
    await append(here, 'a', ['a four']);
    const all = ['a 1 0 a one', 'a 1 1 ', 'a 1 2 a three', 'a 1 3 closed', 'a 2 0 a four', 'b 1 0 b one', 'b 1 1 b two'];
    expect(await readAll(here, 'shop.here')).toEqual(all);
    expect(await readAll(there, 'shop.there')).toEqual(all);
    expect(await readAll(there, 'shop.again')).toEqual(all);
    const later = await createPostgresEventLog({ url: database.url, clock: systemClock, logger: silentLogger });
    expect(await readAll(later, 'shop.later')).toEqual(all);
    await later.stop();
  });

  it('takes order and existence from the log alone: what is gone from it is a gap, though its bytes are at hand', async () => {
    await append(here, 'c', ['c one', 'c two', 'c three']);
    await sql.query("DELETE FROM events.segment WHERE producer = 'c' AND seq = 1");
    const seen: SegmentEntry[] = [];
    const reader = here.subscribeSegments('shop.here', async (_, entries) => void seen.push(...entries));
    expect(await failed.promise).toContain('The log has a gap: c continues at (1, 2) instead of (1, 1).');
    expect(seen).toEqual([]);
    await reader.stop();
  });
});
