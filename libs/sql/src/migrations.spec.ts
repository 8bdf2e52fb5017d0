import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createSql, migrate, MigrationError, readMigrations, type Migration, type SqlPool } from '@sluice/sql';
import { startTestDatabase, type TestDatabase } from '@sluice/sql/testing';

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

  it('applies all or nothing', async () => {
    const sql = open();
    await expect(migrate(sql, [FIRST, { name: '0002_bad.sql', sql: 'ALTER TABLE nowhere ADD m int' }])).rejects.toMatchObject({ sqlState: '42P01' });
    expect(await sql.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [sql.schema])).toEqual([]);
  });

  it.each([
    ['an applied migration that changed', [{ ...FIRST, sql: `${FIRST.sql} ` }, SECOND], 'has changed'],
    ['an applied migration that is gone', [SECOND], 'in its place'],
    ['tables of a newer version', [FIRST], 'newer version'],
  ])('refuses %s', async (_name, migrations, text) => {
    const sql = open();
    await migrate(sql, [FIRST, SECOND]);
    const fault: unknown = await migrate(sql, migrations).then(() => undefined, (thrown: unknown) => thrown);
    expect(fault).toBeInstanceOf(MigrationError);
    expect(String(fault)).toContain(text);
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
