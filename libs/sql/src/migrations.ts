import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { schemaName } from './connection.ts';
import type { SqlPool } from './pool.ts';
import type { Migration, SqlTransaction } from './sql.ts';

/** The tables and the migrations do not belong together. The text says what to do. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

const FILE_NAME = /^(\d{4})_[a-z0-9_]+\.sql$/;
/** Changing a large table takes its time; the limit of ordinary statements does not fit. */
const MIGRATION_TIMEOUT_MS = 600_000;

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
 * Brings the pool's schema to the newest version: all missing migrations in one transaction, or none. Several
 * processes may do so at once. Fails with MigrationError when an applied migration has changed or is gone, or when the
 * tables were made by a newer version.
 */
export async function migrate(sql: SqlPool, migrations: readonly Migration[]): Promise<void> {
  const schema = schemaName(sql.schema);
  await sql.transaction(async (transaction) => {
    await transaction.query(`SET LOCAL statement_timeout = ${MIGRATION_TIMEOUT_MS}`);
    await transaction.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`sluice migration ${schema}`]);
    await transaction.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
    await transaction.query(`CREATE TABLE IF NOT EXISTS ${schema}.migration (name text PRIMARY KEY, checksum text NOT NULL, applied_at_ms bigint NOT NULL)`);
    const applied = await transaction.query<AppliedMigration>(`SELECT name, checksum FROM ${schema}.migration ORDER BY name`);
    compare(schema, applied, migrations);
    for (const migration of migrations.slice(applied.length)) await apply(transaction, schema, migration);
  });
}

interface AppliedMigration {
  readonly name: string;
  readonly checksum: string;
}

function compare(schema: string, applied: readonly AppliedMigration[], migrations: readonly Migration[]): void {
  applied.forEach(({ name, checksum }, index) => {
    const known = migrations[index];
    if (known === undefined) throw new MigrationError(`The tables of ${schema} were made by a newer version (${name}). Start that version, or restore an older backup.`);
    if (known.name !== name) throw new MigrationError(`Migration ${name} of ${schema} was applied, but this version has ${known.name} in its place.`);
    if (checksumOf(known) !== checksum) throw new MigrationError(`Migration ${name} of ${schema} has changed since it was applied. Undo the change and write a new migration.`);
  });
}

async function apply(transaction: SqlTransaction, schema: string, migration: Migration): Promise<void> {
  await transaction.query(migration.sql);
  await transaction.query(
    `INSERT INTO ${schema}.migration (name, checksum, applied_at_ms) VALUES ($1, $2, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)`,
    [migration.name, checksumOf(migration)],
  );
}

function checksumOf(migration: Migration): string {
  return createHash('sha256').update(migration.sql).digest('hex');
}
