import 'reflect-metadata';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { create } from '@bufbuild/protobuf';
import { systemClock, systemIds, type Clock } from '@sluice/clock';
import { rootKeyFrom } from '@sluice/envelope';
import { createPostgresEventLog, type EventLog, type PostgresEventLog } from '@sluice/events';
import { Health } from '@sluice/lifecycle';
import type { Platform } from '@sluice/platform';
import { AuditService } from '@sluice/proto/audit/v1/audit';
import { AdminActedSchema, CallAbandonedSchema } from '@sluice/proto/events/v1/calls';
import { InProcessTransport, type Client } from '@sluice/rpc';
import { createSql, migrate, SqlError, type Sql, type SqlErrorKind, type SqlPool } from '@sluice/sql';
import { startTestDatabase, type TestDatabase } from '@sluice/sql/testing';
import { createInProcessStore } from '@sluice/store';
import { silentLogger } from '@sluice/telemetry';
import { LogVerifier, openNote, parseCheckpoint, parseVerifierKey, type Checkpoint, type LogReport } from '@sluice/transparency';
import { createAudit } from './audit.module.ts';
import { callIdOf, CallScript, ORGANISATION, ScriptedProducer } from './testing/call-script.ts';

/** Everything real but the process borders: PostgreSQL, the event log in it, the consumer, Nest. */
let database: TestDatabase;
let log: PostgresEventLog;
let sql: SqlPool;
let app: INestApplicationContext;
let audit: Client<typeof AuditService>;
let health: Health;
/** How every query of audit's own fails; undefined: none does. */
let fault: SqlErrorKind | undefined;
/** How much longer than true the log says that producers are silent. */
let addedSilenceMs = 0;
/** How much later than true it is for audit. */
let addedWallMs = 0;
/** The machine's clock, with waits a tenth as long: what is tried again later and later need not be waited for. */
const hurriedClock: Clock = { ...systemClock, after: (delayMs, run) => systemClock.after(delayMs / 10, run) };

beforeAll(async () => {
  database = await startTestDatabase();
  sql = createSql({ url: database.url, schema: 'audit' });
});
afterAll(async () => {
  await sql.end();
  await database.stop();
});

beforeEach(start);
afterEach(stop);

/** The tables as audit sees them. */
const failing: Sql = {
  query: async (statement, values) => (throwFault(), sql.query(statement, values)),
  transaction: async (work) => (throwFault(), sql.transaction(work)),
};

function throwFault(): void {
  if (fault) throw new SqlError(fault, 'detail for the log');
}

async function start(): Promise<void> {
  log = await createPostgresEventLog({ url: database.url, clock: hurriedClock, logger: silentLogger });
  const events: EventLog = { ...log, openEpochs: async () => (await log.openEpochs()).map((open) => ({ ...open, silentMs: open.silentMs + addedSilenceMs })) };
  const transport = new InProcessTransport();
  health = new Health();
  const platform: Platform = {
    connect: (service) => transport.connect(service),
    serve: (service, implementation) => transport.serve(service, implementation),
    sql: async (_, migrations) => (await migrate(sql, migrations), failing),
    events, store: createInProcessStore(systemClock), clock: { ...systemClock, wallMs: () => systemClock.wallMs() + addedWallMs }, ids: systemIds(systemClock), rootKey: rootKeyFrom(Buffer.alloc(32, 1)), logger: silentLogger, health,
  };
  app = await NestFactory.createApplicationContext(createAudit(platform, { SLUICE_AUDIT_RETENTION_DAYS: 400 }), { logger: false });
  audit = transport.connect(AuditService);
}

async function stop(): Promise<void> {
  fault = undefined;
  addedSilenceMs = 0;
  addedWallMs = 0;
  await app.close();
  await log.stop();
}

async function until<T>(read: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const value = await read();
    if (holds(value)) return value;
    if (performance.now() > deadline) throw new Error(`never came: ${JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}` : part))}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function verify(remembered?: Checkpoint): Promise<LogReport> {
  const { note, verifierKey } = await audit.getCheckpoint({});
  const read = async (path: string): Promise<Uint8Array> => (path === 'checkpoint' ? note : (await audit.getTile({ path })).data);
  return new LogVerifier(read, parseVerifierKey(verifierKey)).verify(remembered);
}

async function currentCheckpoint(): Promise<Checkpoint> {
  const { note, verifierKey } = await audit.getCheckpoint({});
  return parseCheckpoint(openNote(note, [parseVerifierKey(verifierKey)]));
}
const checkpointOfSize = (size: bigint): Promise<Checkpoint> => until(currentCheckpoint, (checkpoint) => checkpoint.size >= size);
const statusOf = (callId: string) => audit.listCalls({ organisationId: ORGANISATION, limit: 100 }).then(({ calls }) => calls.find((call) => call.callId === callId)?.status);

let next = 0;
const newCall = (): CallScript => new CallScript(callIdOf(next++));

async function append(producer: ScriptedProducer, calls: readonly CallScript[]): Promise<void> {
  for (const call of calls) for (const segment of producer.segments(call.whole(), Date.now())) await log.appendSegment(segment);
}

describe('audit on a platform', () => {
  it('has a checkpoint of nothing before anything happened, and keeps its name', async () => {
    const { origin, size } = await currentCheckpoint();
    expect([origin.startsWith('sluice.local/'), size]).toEqual([true, 0n]);
    expect(health.report().checks['audit']).toEqual({ status: 'ok' });
    await stop();
    await start();
    expect((await currentCheckpoint()).origin).toBe(origin);
  });

  it('takes in what producers append, and continues its own log over restarts', async () => {
    let remembered = await currentCheckpoint();
    for (let round = 1n; round <= 3n; round++) {
      const before = remembered.size;
      const producer = new ScriptedProducer('gateway-1', await log.takeEpoch('gateway-1'));
      // One start is in the middle of the work.
      await append(producer, Array.from({ length: 20 }, newCall));
      await stop();
      await start();
      // Whoever takes an epoch closes the one before, and the close has a leaf as well.
      const added = round === 1n ? 20n : 21n;
      await checkpointOfSize(before + added);
      const report = await verify(remembered);
      remembered = report.checkpoint;
      expect(remembered.size).toBe(before + added);
      expect(report.producers.map(({ epoch, closed }) => [epoch, closed])).toEqual(Array.from({ length: Number(round) }, (_, at) => [BigInt(at + 1), at + 1 < round]));
    }
    const leaves = await sql.query<{ count: bigint; last: bigint }>('SELECT count(*) AS count, max(idx) AS last FROM leaf');
    expect(leaves).toEqual([{ count: remembered.size, last: remembered.size - 1n }]);
  });

  it('closes the epoch of a producer that fell silent and tells of the calls that were open in it', async () => {
    const producer = new ScriptedProducer('gateway-silent', await log.takeEpoch('gateway-silent'));
    const call = newCall();
    for (const segment of producer.segments([call.admitted(), call.output('Half')], Date.now())) await log.appendSegment(segment);
    await until(() => statusOf(call.callId), (status) => status === 'running');
    const told = await sql.transaction((transaction) => log.position(transaction, CallAbandonedSchema));
    addedSilenceMs = 15_000;
    await until(() => statusOf(call.callId), (status) => status === 'abandoned');
    expect(await sql.transaction((transaction) => log.position(transaction, CallAbandonedSchema))).toBe(told + 1n);
    await expect(log.appendSegment(producer.segments([call.completed()])[0]!)).rejects.toMatchObject({ code: 'epoch_lost' });
    await until(verify, ({ producers }) => producers.some((report) => report.producer === 'gateway-silent' && report.byType['call.abandoned'] === 1 && report.closed));
  });

  it('makes each act of an administrator a leaf', async () => {
    const { size } = await currentCheckpoint();
    await sql.transaction(async (transaction) => {
      for (const id of ['act_a', 'act_b']) {
        await log.publish(transaction, AdminActedSchema, ORGANISATION, create(AdminActedSchema, { id, organisationId: ORGANISATION, action: 'key.created', object: 'api_key:key_1', actedAtMs: 1_700_000_000_000n, detailJson: '{}' }));
      }
    });
    await checkpointOfSize(size + 2n);
    const { acts } = await audit.listActs({ organisationId: ORGANISATION });
    expect(acts.map(({ act, leafIndex }) => [act!.id, leafIndex])).toEqual([['act_b', size + 1n], ['act_a', size]]);
    await verify();
  });

  it('leaves out no act: one that cannot be taken in holds up those behind it until it can', async () => {
    const { size } = await currentCheckpoint();
    await sql.query("CREATE FUNCTION no_act() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id = 'act_hard' THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$");
    await sql.query('CREATE TRIGGER no_act BEFORE INSERT ON act FOR EACH ROW EXECUTE FUNCTION no_act()');
    await sql.transaction(async (transaction) => {
      for (const id of ['act_hard', 'act_behind']) await log.publish(transaction, AdminActedSchema, ORGANISATION, create(AdminActedSchema, { id, organisationId: ORGANISATION }));
    });
    // As many failures as would make it a dead letter elsewhere.
    await until(async () => log.health(), ({ status }) => status === 'degraded');
    expect(await log.deadLetters(AdminActedSchema, 'audit')).toEqual([]);
    expect((await currentCheckpoint()).size).toBe(size);
    await sql.query('DROP TRIGGER no_act ON act');
    await checkpointOfSize(size + 2n);
    expect((await audit.listActs({ organisationId: ORGANISATION })).acts.slice(0, 2).map(({ act }) => act!.id)).toEqual(['act_behind', 'act_hard']);
    expect(log.health()).toEqual({ status: 'ok' });
  }, 120_000);

  it('lets the event log forget what is past its retention and was taken in', async () => {
    const { size } = await currentCheckpoint();
    await append(new ScriptedProducer('gateway-old', await log.takeEpoch('gateway-old')), [newCall(), newCall()]);
    await checkpointOfSize(size + 2n);
    const inEventLog = async (): Promise<number> => (await sql.query("SELECT 1 FROM events.segment WHERE producer = 'gateway-old'")).length;
    expect(await inEventLog()).toBe(2);
    await stop();
    addedWallMs = 8 * 86_400_000;
    await start();
    await until(inEventLog, (count) => count === 0);
    await verify();
  });

  it('says of every question that its database is away while it is, and answers again', async () => {
    const callId = callIdOf(next);
    await append(new ScriptedProducer('gateway-asked', await log.takeEpoch('gateway-asked')), [newCall()]);
    await until(() => statusOf(callId), (status) => status === 'answered');
    const asked = [
      () => audit.listCalls({ organisationId: ORGANISATION }), () => audit.getCall({ organisationId: ORGANISATION, callId }), () => audit.listActs({ organisationId: ORGANISATION }),
      () => audit.getCheckpoint({}), () => audit.getTile({ path: 'tile/0/000.p/1' }), () => audit.getProof({ organisationId: ORGANISATION, callId }),
    ];
    fault = 'unavailable';
    for (const ask of asked) await expect(ask()).rejects.toMatchObject({ code: 'audit_log_unavailable', message: 'The database of the audit is away.', httpStatus: 503 });
    fault = 'refused';
    await expect(audit.listActs({ organisationId: ORGANISATION })).rejects.toMatchObject({ code: 'internal' });
    fault = undefined;
    await until(async () => health.report().status, (status) => status === 'ok');
    expect(await statusOf(callId)).toBe('answered');
  });

  it('waits while there is no room, loses nothing, and goes on when there is', async () => {
    const { size } = await currentCheckpoint();
    await sql.query("CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$");
    await sql.query('CREATE TRIGGER no_room BEFORE INSERT ON leaf FOR EACH STATEMENT EXECUTE FUNCTION no_room()');
    await append(new ScriptedProducer('gateway-full', await log.takeEpoch('gateway-full')), [newCall(), newCall()]);
    await until(async () => health.report().status, (status) => status === 'degraded');
    expect((await currentCheckpoint()).size).toBe(size);
    await sql.query('DROP TRIGGER no_room ON leaf');
    await checkpointOfSize(size + 2n);
    expect(health.report().status).toBe('ok');
    await verify();
  });
});
