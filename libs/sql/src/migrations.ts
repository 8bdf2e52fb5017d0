import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type { Logger } from '@sluice/telemetry';
import { schemaName } from './connection.ts';
import type { SqlPool } from './pool.ts';
import type { Migration, SqlTransaction } from './sql.ts';

/** The tables and the migrations do not belong together. The text says what to do. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

/** The line above what takes away or narrows, and so may break the version before: `-- contract: unused since 1.4`. */
export const CONTRACTION_MARK = /^\s*--\s*contract:\s*\S/m;

const FILE_NAME = /^(\d{4})_[a-z0-9_]+\.sql$/;
/** Of each migration. Changing a large table takes its time; the limit of ordinary statements does not fit. */
export const MIGRATION_TIMEOUT_MS = 600_000;

/** Reads `0001_name.sql`, `0002_name.sql`, ... of a folder, in order. Numbers are dense from 1. */
export async function readMigrations(folder: URL): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  names.forEach((name, index) => {
    if (Number(FILE_NAME.exec(name)?.[1]) !== index + 1) throw new MigrationError(`Migration ${name} is out of order: expected number ${index + 1}, named as 0001_name.sql.`);
  });
  const base = folder.href.endsWith('/') ? folder : new URL(`${folder.href}/`);
  return Promise.all(names.map(async (name) => ({ name, sql: await readFile(new URL(name, base), 'utf8') })));
}

/**
 * Brings the pool's schema to its newest version: all missing migrations in one transaction, or none. Several processes may
 * do so at once. Tables may be ahead of this version, as in an upgrade that rolls on or back, which is logged: what a newer
 * version only added, this one need not know. Fails with MigrationError when an applied migration has changed or is gone, or
 * when a newer version has taken something away.
 */
export async function migrate(sql: SqlPool, migrations: readonly Migration[], logger?: Pick<Logger, 'warn'>): Promise<void> {
  const schema = schemaName(sql.schema);
  const ahead = await sql.transaction(async (transaction) => {
    await transaction.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`sluice migration ${schema}`]);
    await transaction.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
    await ensureRecord(transaction, schema);
    const applied = await transaction.query<AppliedMigration>(`SELECT name, checksum, only_expands FROM ${schema}.migration ORDER BY name`);
    const newer = applied.slice(migrations.length);
    checkKnown(schema, applied.slice(0, migrations.length), migrations);
    checkNewer(schema, newer);
    for (const migration of migrations.slice(applied.length)) await apply(transaction, schema, migration);
    return newer;
  }, MIGRATION_TIMEOUT_MS);
  if (ahead.length > 0) logger?.warn({ schema, newer: ahead.map(({ name }) => name).join(', ') }, 'the tables are ahead of this version: a newer one has added to them');
}

/** Who does not know a migration cannot read its file, so `only_expands` is recorded with it. */
async function ensureRecord(transaction: SqlTransaction, schema: string): Promise<void> {
  await transaction.query(`CREATE TABLE IF NOT EXISTS ${schema}.migration (name text PRIMARY KEY, checksum text NOT NULL, applied_at_ms bigint NOT NULL, only_expands boolean)`);
  const columns = await transaction.query(`SELECT 1 FROM pg_attribute WHERE attrelid = $1::regclass AND attname = 'only_expands'`, [`${schema}.migration`]);
  // Only where it is missing, also with IF NOT EXISTS: it would wait for whoever reads the table, as a dump does until it ends.
  if (columns.length === 0) await transaction.query(`ALTER TABLE ${schema}.migration ADD COLUMN only_expands boolean`);
}

interface AppliedMigration {
  readonly name: string;
  readonly checksum: string;
  /** Null in what was applied before this was recorded: nothing tells, so it may contract. */
  readonly only_expands: boolean | null;
}

function checkKnown(schema: string, applied: readonly AppliedMigration[], migrations: readonly Migration[]): void {
  applied.forEach(({ name, checksum }, index) => {
    const known = migrations[index]!;
    if (known.name !== name) throw new MigrationError(`Migration ${name} of ${schema} was applied, but this version has ${known.name} in its place.`);
    if (checksumOf(known) !== checksum) throw new MigrationError(`Migration ${name} of ${schema} has changed since it was applied. Undo the change and write a new migration.`);
  });
}

function checkNewer(schema: string, newer: readonly AppliedMigration[]): void {
  const contraction = newer.find(({ only_expands: onlyExpands }) => onlyExpands !== true);
  if (contraction) throw new MigrationError(`A newer version has taken away from the tables of ${schema} what this one may need (${contraction.name}). Start that version, or restore an older backup.`);
}

async function apply(transaction: SqlTransaction, schema: string, migration: Migration): Promise<void> {
  await transaction.query(migration.sql);
  await transaction.query(
    `INSERT INTO ${schema}.migration (name, checksum, applied_at_ms, only_expands) VALUES ($1, $2, (extract(epoch FROM clock_timestamp()) * 1000)::bigint, $3)`,
    [migration.name, checksumOf(migration), !CONTRACTION_MARK.test(migration.sql)],
  );
}

function checksumOf(migration: Migration): string {
  return createHash('sha256').update(migration.sql).digest('hex');
}
