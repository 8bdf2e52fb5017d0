import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createSql, migrate, MigrationError, readMigrations, type Migration, type SqlPool } from '@sluice/sql';
import { startTestDatabase, type TestDatabase } from '@sluice/sql/testing';
import type { LogFields } from '@sluice/telemetry';

const FIRST: Migration = { name: '0001_first.sql', sql: 'CREATE TABLE a (n int); INSERT INTO a VALUES (1);' };
const SECOND: Migration = { name: '0002_second.sql', sql: 'ALTER TABLE a ADD m int;' };

let database: TestDatabase;
let schemas = 0;
const pools: SqlPool[] = [];
const open = (schema = `s${schemas++}`): SqlPool => {
  const sql = createSql({ url: database.url, schema, connections: 2 });
  pools.push(sql);
  return sql;
};

beforeAll(async () => { database = await startTestDatabase(); });
afterAll(async () => {
  await Promise.all(pools.map((sql) => sql.end()));
  await database.stop();
});

describe('migrate', () => {
  it('applies what is missing, once, also from several processes at a time', async () => {
    const sql = open('many');
    await migrate(sql, [FIRST]);
    await Promise.all([open('many'), open('many'), open('many')].map((pool) => migrate(pool, [FIRST, SECOND])));
    expect(await sql.query('SELECT n, m FROM a')).toEqual([{ n: 1, m: null }]);
    expect(await sql.query('SELECT name FROM migration ORDER BY name')).toEqual([{ name: FIRST.name }, { name: SECOND.name }]);
  });

  it('takes longer than ordinary statements may, also whoever waits behind it', async () => {
    const hurried = (): SqlPool => {
      const sql = createSql({ url: database.url, schema: 'slow', connections: 2, statementTimeoutMs: 100 });
      pools.push(sql);
      return sql;
    };
    const slow: Migration = { name: '0001_slow.sql', sql: 'SELECT pg_sleep(3.5); CREATE TABLE a (n int);' };
    await Promise.all([migrate(hurried(), [slow]), migrate(hurried(), [slow])]);
    expect(await hurried().query('SELECT n FROM a')).toEqual([]);
  }, 30_000);

  it('applies all or nothing', async () => {
    const sql = open();
    await expect(migrate(sql, [FIRST, { name: '0002_bad.sql', sql: 'ALTER TABLE nowhere ADD m int' }])).rejects.toMatchObject({ sqlState: '42P01' });
    expect(await sql.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [sql.schema])).toEqual([]);
  });

  it.each([
    ['an applied migration that changed', [{ ...FIRST, sql: `${FIRST.sql} ` }, SECOND], 'has changed'],
    ['an applied migration that is gone', [SECOND], 'in its place'],
  ])('refuses %s', async (_name, migrations, text) => {
    const sql = open();
    await migrate(sql, [FIRST, SECOND]);
    const fault: unknown = await migrate(sql, migrations).then(() => undefined, (thrown: unknown) => thrown);
    expect(fault).toBeInstanceOf(MigrationError);
    expect(String(fault)).toContain(text);
  });
});

describe('tables of a newer version', () => {
  const THIRD: Migration = { name: '0003_wide.sql', sql: 'ALTER TABLE a ADD k int;' };
  const CONTRACTION_SECOND: Migration = { name: '0002_narrow.sql', sql: 'ALTER TABLE a ADD m int;\n  -- contract: unused since 1.3\nALTER TABLE a DROP COLUMN n;' };
  const CONTRACTION: Migration = { name: '0003_third.sql', sql: '-- contract: unused since 1.4\nALTER TABLE a DROP COLUMN n;' };
  const logged: unknown[] = [];
  const logger = { warn: (fields: LogFields) => void logged.push(fields) };
  beforeEach(() => { logged.length = 0; });

  it('that only added to them serve the older one, which says that they are ahead', async () => {
    const sql = open();
    await migrate(sql, [FIRST, SECOND], logger);
    expect(logged).toEqual([]);
    await migrate(sql, [FIRST], logger);
    expect(logged).toEqual([{ schema: sql.schema, newer: SECOND.name }]);
    expect(await sql.query('SELECT n, m FROM a')).toEqual([{ n: 1, m: null }]);
    await migrate(sql, [FIRST, SECOND, CONTRACTION], logger);
    expect(await sql.query('SELECT * FROM a')).toEqual([{ m: null }]);
  });

  it.each([
    ['took something away', [FIRST, CONTRACTION_SECOND, THIRD]],
    ['took something away after it had added', [FIRST, SECOND, CONTRACTION]],
  ])('that %s are refused to the older one', async (_name, newer) => {
    const sql = open();
    await migrate(sql, newer);
    await expect(migrate(sql, [FIRST], logger)).rejects.toThrow('has taken away');
    expect(logged).toEqual([]);
  });

  it('are refused where nothing tells whether they lack something', async () => {
    const sql = open();
    await migrate(sql, [FIRST, SECOND]);
    await sql.query('ALTER TABLE migration DROP COLUMN only_expands');
    await migrate(sql, [FIRST, SECOND]);
    await expect(migrate(sql, [FIRST])).rejects.toThrow(MigrationError);
  });

  it('are refused where the newer version put one between those that both know', async () => {
    const sql = open();
    await migrate(sql, [FIRST, { name: '0002_another.sql', sql: 'ALTER TABLE a ADD o int;' }, { ...SECOND, name: '0003_second.sql' }]);
    await expect(migrate(sql, [FIRST, SECOND])).rejects.toThrow('in its place');
  });
});

describe('readMigrations', () => {
  const folderOf = async (names: readonly string[]): Promise<URL> => {
    const folder = await mkdtemp(join(tmpdir(), 'migrations-'));
    await Promise.all(names.map((name) => writeFile(join(folder, name), `-- ${name}`)));
    return pathToFileURL(folder);
  };

  it('reads numbered files in order and leaves others alone', async () => {
    const folder = await folderOf(['0002_b.sql', '0001_a.sql', 'README.md']);
    expect(await readMigrations(folder)).toEqual([{ name: '0001_a.sql', sql: '-- 0001_a.sql' }, { name: '0002_b.sql', sql: '-- 0002_b.sql' }]);
    await rm(folder, { recursive: true });
  });

  it.each([[['0001_a.sql', '0003_c.sql']], [['0001_a.sql', '0001_b.sql']], [['first.sql']], [['0001_A.sql']]])('refuses %j', async (names) => {
    const folder = await folderOf(names);
    await expect(readMigrations(folder)).rejects.toThrow(MigrationError);
    await rm(folder, { recursive: true });
  });
});
