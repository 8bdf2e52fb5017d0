import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { AdminActedSchema } from '@sluice/proto/events/v1/calls';
import { createSql, EmbeddedPostgres, type SqlPool } from '@sluice/sql';
import { silentLogger } from '@sluice/telemetry';
import { createPostgresEventLog, type PostgresEventLog } from './postgres-event-log.ts';

const LONG_MS = 240_000;
const RECOVERY_LIMIT_MS = 60_000;
const PRODUCERS = 3;

let data: string;
let server: EmbeddedPostgres;
let log: PostgresEventLog;
let sql: SqlPool;

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'outage-'));
  server = await EmbeddedPostgres.start(data);
  log = await createPostgresEventLog({ url: server.url, clock: systemClock, logger: silentLogger });
  sql = createSql({ url: server.url, schema: 'shop' });
  await sql.query('CREATE SCHEMA shop');
  await sql.query('CREATE TABLE effect (n bigserial PRIMARY KEY, what text NOT NULL)');
}, LONG_MS);
afterAll(async () => {
  await log.stop();
  await sql.end();
  await server.stop();
  await rm(data, { recursive: true });
});

/** The code, and for a surprise the reason as well. */
const describeFailure = (thrown: unknown): string => {
  const { code, message, cause } = ServiceError.from(thrown);
  return code === 'internal' ? `${message} ${String(cause)}` : code;
};
const codeOf = (thrown: unknown): string => ServiceError.from(thrown).code;

describe('the server goes away under load', () => {
  it('loses nothing acknowledged, repeats nothing, and writers and readers go on by themselves', async () => {
    let running = true;
    const acknowledged = new Map<string, number>();
    const failures = new Set<string>();
    const insert = (transaction: { query: SqlPool['query'] }, what: readonly string[]): Promise<unknown> =>
      transaction.query('INSERT INTO effect (what) SELECT * FROM unnest($1::text[])', [what]);
    const segments = log.subscribeSegments('shop', (transaction, entries) =>
      insert(transaction, entries.map((entry) => entry.kind === 'closed' ? 'closed' : `${entry.segment.producer} ${entry.segment.seq}`)).then(() => undefined));
    const acts = log.subscribe(AdminActedSchema, 'shop', (transaction, { message }) => insert(transaction, [message.id]).then(() => undefined));
    const produce = async (producer: string): Promise<void> => {
      const epoch = await log.takeEpoch(producer);
      for (let seq = 0; running;) {
        try {
          await log.appendSegment({ producer, epoch, seq: BigInt(seq), bytes: Buffer.from(`${producer} ${seq}`) });
          acknowledged.set(producer, seq++);
        } catch (thrown) {
          // The fate is unknown: the same bytes under the same identity.
          failures.add(describeFailure(thrown));
          await pause(5);
        }
      }
    };
    const published: string[] = [];
    const publish = async (): Promise<void> => {
      for (let n = 0; running; n++) {
        const id = `act ${n}`;
        await sql.transaction((transaction) => log.publish(transaction, AdminActedSchema, 'org', create(AdminActedSchema, { id }))).then(() => published.push(id), () => pause(5));
      }
    };
    const load = Promise.all([publish(), ...Array.from({ length: PRODUCERS }, (_, index) => produce(`p${index}`))]);
    const total = (): number => [...acknowledged.values()].reduce((sum, count) => sum + count, 0);
    const goesOn = async (): Promise<void> => {
      const [wanted, endMs] = [total() + 60, performance.now() + RECOVERY_LIMIT_MS];
      while (total() < wanted && performance.now() < endMs) await pause(5);
      expect(total()).toBeGreaterThanOrEqual(wanted);
    };
    for (let crash = 0; crash < 4; crash++) {
      await goesOn();
      // By turns as an administrator stops it and as the kernel kills it; the embedded server comes back by itself.
      process.kill(server.pid!, crash % 2 ? 'SIGKILL' : 'SIGINT');
    }
    await goesOn();
    running = false;
    await load;
    await Promise.all([segments.caughtUp(), acts.caughtUp()]);
    await Promise.all([segments.stop(), acts.stop()]);
    expect([...failures]).toEqual(['audit_log_unavailable']);
    const rows = (await sql.query<{ what: string }>('SELECT what FROM effect ORDER BY n')).map(({ what }) => what);
    for (const [producer, last] of acknowledged) {
      expect(rows.filter((what) => what.startsWith(`${producer} `))).toEqual(Array.from({ length: last + 1 }, (_, seq) => `${producer} ${seq}`));
    }
    const delivered = rows.filter((what) => what.startsWith('act '));
    // A commit of unknown fate may stand in the log without having been acknowledged; nothing else may.
    expect(new Set(delivered).size).toBe(delivered.length);
    expect(published.filter((id) => !delivered.includes(id))).toEqual([]);
    expect(delivered.length - published.length).toBeLessThanOrEqual(4);
  }, LONG_MS);

  it('does not count an outage against the record that was being handled', async () => {
    let kills = 0;
    let counted: unknown;
    const subscription = log.subscribe(AdminActedSchema, 'shop.outage', async (transaction, { message }) => {
      if (message.id !== 'hard') return;
      if (kills++ < 4) await transaction.query('SELECT pg_terminate_backend(pg_backend_pid())');
      [counted] = await transaction.query("SELECT attempts FROM events.topic_cursor WHERE consumer = 'shop.outage'");
    });
    await subscription.caughtUp();
    await sql.transaction((transaction) => log.publish(transaction, AdminActedSchema, 'org', create(AdminActedSchema, { id: 'hard' })));
    await subscription.caughtUp();
    await subscription.stop();
    expect(kills).toBe(5);
    expect(counted).toEqual({ attempts: 0 });
  }, LONG_MS);

  it('says that it is away while it is, and works again afterwards', async () => {
    await server.stop();
    expect(await log.takeEpoch('away').catch(codeOf)).toBe('audit_log_unavailable');
    expect(await log.beat(AdminActedSchema).catch(codeOf)).toBe('audit_log_unavailable');
    expect(await log.openEpochs().catch(codeOf)).toBe('audit_log_unavailable');
    server = await EmbeddedPostgres.start(data);
    expect(await log.takeEpoch('away')).toBe(1n);
  }, LONG_MS);
});

describe('the disk is full', () => {
  it('says disk_full for an append, keeps nothing of it, and takes it when there is room again', async () => {
    const epoch = await log.takeEpoch('full');
    const segment = { producer: 'full', epoch, seq: 0n, bytes: Buffer.from('x') };
    await sql.query(`CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$`);
    await sql.query('CREATE TRIGGER no_room BEFORE INSERT ON events.segment FOR EACH ROW EXECUTE FUNCTION no_room()');
    expect(await log.appendSegment(segment).catch(codeOf)).toBe('disk_full');
    expect(await log.closeEpoch('full', epoch).catch(codeOf)).toBe('disk_full');
    await sql.query('DROP TRIGGER no_room ON events.segment');
    await log.appendSegment(segment);
    expect(await sql.query("SELECT seq FROM events.segment WHERE producer = 'full'")).toEqual([{ seq: 0n }]);
  });

  it('says so before it is, and refuses only what is new', async () => {
    let hasRoom = false;
    const watched = await createPostgresEventLog({ url: server.url, clock: systemClock, logger: silentLogger, hasRoom: () => hasRoom });
    try {
      const epoch = await watched.takeEpoch('watched');
      const segment = { producer: 'watched', epoch, seq: 0n, bytes: Buffer.from('x') };
      expect([watched.hasRoom(), await watched.appendSegment(segment).catch(codeOf)]).toEqual([false, 'disk_full']);
      await watched.renewEpoch('watched', epoch);
      hasRoom = true;
      await watched.appendSegment(segment);
      expect([watched.hasRoom(), log.hasRoom()]).toEqual([true, true]);
      hasRoom = false;
      expect(await watched.closeEpoch('watched', epoch)).toBe(true);
    } finally {
      await watched.stop();
    }
  }, LONG_MS);
});
