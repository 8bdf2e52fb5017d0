import { openWayToDatabase } from '@sluice/host';
import { createSql, databaseUrlFault, type SqlPool } from '@sluice/sql';
import { Findings, reasonOf, type Finding } from './finding.ts';

/** The oldest that the migrations are tested on. */
const OLDEST_VERSION = 150_000;
const STATEMENT_LIMIT_MS = 5_000;
/** Calls and epochs are compared by times of several machines; leases last 10 s. */
const CLOCK_OFFSET_LIMIT_MS = 1_000;
/** Of its connections: the next start needs some. */
const FULL = 0.9;

interface Facts {
  readonly version: string;
  readonly number: string;
  readonly nowMs: bigint;
  readonly tls: string | null;
  readonly connections: bigint;
  readonly most: string;
  readonly fsync: string;
  readonly commit: string;
  readonly standbys: string;
  readonly isReplica: boolean;
  readonly mayCreate: boolean;
}

const FACTS = `
  select current_setting('server_version') as version, current_setting('server_version_num') as number,
         (extract(epoch from clock_timestamp()) * 1000)::bigint as "nowMs",
         (select version from pg_stat_ssl where pid = pg_backend_pid() and ssl) as tls,
         (select count(*) from pg_stat_activity where backend_type = 'client backend') as connections, current_setting('max_connections') as most,
         current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit, current_setting('synchronous_standby_names') as standbys,
         pg_is_in_recovery() as "isReplica", has_database_privilege(current_database(), 'create') as "mayCreate"`;

/** A PostgreSQL of one's own: whether it answers, how, and what it promises. */
export async function lookAtDatabase(url: string | undefined): Promise<readonly Finding[]> {
  const found = new Findings('database');
  if (url === undefined) {
    found.ok('DATABASE_URL', 'not set: an embedded PostgreSQL runs in the data folder');
    return found.all;
  }
  const fault = databaseUrlFault(url);
  if (fault !== undefined) {
    found.wrong('DATABASE_URL', fault, 'correct the address; docs/settings.md describes it');
    return found.all;
  }
  const open = openWayToDatabase(url);
  if (open) found.warn(open.setting, open.says, open.mend);
  const sql = createSql({ url, schema: 'public', connections: 1, statementTimeoutMs: STATEMENT_LIMIT_MS });
  try {
    const { facts, offsetMs } = await ask(sql);
    judge(found, facts, offsetMs);
  } catch (error) {
    found.wrong('connection', reasonOf(error), 'start the server, or correct DATABASE_URL: user, password, host, database, sslmode');
  } finally {
    await sql.end();
  }
  return found.all;
}

/** The offset is that of its clock to this one, with half of the way there and back taken off. */
async function ask(sql: SqlPool): Promise<{ facts: Facts; offsetMs: number }> {
  await sql.query('select 1');
  const [beforeMs, began] = [Date.now(), performance.now()];
  const [facts] = await sql.query<Facts>(FACTS);
  const tookMs = performance.now() - began;
  return { facts: facts!, offsetMs: Number(facts!.nowMs) - (beforeMs + tookMs / 2) };
}

function judge(found: Findings, facts: Facts, offsetMs: number): void {
  if (Number(facts.number) >= OLDEST_VERSION) found.ok('version', `PostgreSQL ${facts.version}`);
  else found.wrong('version', `PostgreSQL ${facts.version}`, 'use PostgreSQL 15 or newer');
  if (Math.abs(offsetMs) <= CLOCK_OFFSET_LIMIT_MS) found.ok('clock', `differs from this one by ${Math.round(Math.abs(offsetMs))} ms`);
  else found.wrong('clock', `differs from this one by ${(Math.abs(offsetMs) / 1000).toFixed(1)} s`, 'set both machines by the same time server (NTP)');
  if (facts.isReplica) found.wrong('role', 'it is a standby, which takes no writes', 'give the address of the primary');
  if (!facts.mayCreate) found.warn('rights', 'this user may make no schema', 'grant create on the database to it, unless every schema is there already');
  if (facts.fsync !== 'on') found.wrong('fsync', facts.fsync, 'set fsync=on: without it a crash of the machine can destroy the database');
  if (facts.commit === 'off') found.wrong('synchronous_commit', 'off', 'set synchronous_commit=on: with it off a crash loses what was promised to be on record');
  if (facts.standbys === '') found.warn('replication', 'no synchronous standby: what is acknowledged is lost with this machine', 'set synchronous_standby_names, where that matters (docs/operate.md)');
  else found.ok('replication', `synchronous to ${facts.standbys}`);
  const used = Number(facts.connections) / Number(facts.most);
  if (used < FULL) found.ok('connections', `${facts.connections} of ${facts.most}`);
  else found.warn('connections', `${facts.connections} of ${facts.most}`, 'raise max_connections, or end what holds them');
  found.ok('TLS', facts.tls ?? 'none on this connection');
}
