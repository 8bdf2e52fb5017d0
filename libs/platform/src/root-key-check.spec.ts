import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock, systemIds } from '@sluice/clock';
import { rootKeyFrom, type RootKey } from '@sluice/envelope';
import { createSql, migrate, readMigrations } from '@sluice/sql';
import { startTestDatabase, type TestDatabase } from '@sluice/sql/testing';
import { silentLogger } from '@sluice/telemetry';
import { createEmbeddedPlatform } from './embedded-platform.ts';
import { createMeshPlatform } from './mesh-platform.ts';
import { checkRootKey, isBegun, OtherRootKeyError } from './root-key-check.ts';

const LONG_MS = 60_000;
const ids = systemIds(systemClock);
const [right, wrong] = [1, 2].map((byte) => rootKeyFrom(Buffer.alloc(32, byte))) as [RootKey, RootKey];

describe('the root key of a database', () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await startTestDatabase();
  }, LONG_MS);
  afterEach(async () => database.stop());

  const check = async (rootKey: RootKey): Promise<void> => checkRootKey(database.url, rootKey, ids);

  it('is that of the first start', async () => {
    expect(await isBegun(database.url)).toBe(false);
    await check(right);
    expect(await isBegun(database.url)).toBe(true);
    await check(right);
    await expect(check(wrong)).rejects.toThrow(OtherRootKeyError);
    await check(right);
  });

  it('is asked for without a trace in a database that may be of somebody else', async () => {
    const sql = createSql({ url: database.url, schema: 'public' });
    await sql.query('CREATE SCHEMA access; CREATE TABLE access.pepper (grams int); INSERT INTO access.pepper VALUES (5)');
    const schemas = async (): Promise<object[]> => sql.query('SELECT nspname FROM pg_namespace ORDER BY 1');
    const before = await schemas();
    expect(await isBegun(database.url)).toBe(false);
    expect(await schemas()).toEqual(before);
    await sql.end();
  });

  it('is one, whoever starts at once', async () => {
    const outcomes = await Promise.allSettled([right, wrong, right, wrong].map(check));
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
    expect(new Set([outcomes[0]!.status, outcomes[2]!.status]).size).toBe(1);
  });

  it.each([
    ['access', 'access', 'key-hash-pepper', 'INSERT INTO pepper (sealed) VALUES ($1)'],
    ['audit', 'audit', 'audit.checkpoint', "INSERT INTO log (origin, sealed_seed, size, frontier) VALUES ('x', $1, 0, '')"],
    ['content_filter', 'content-filter', 'content-filter-hit-key', 'INSERT INTO hit_key (sealed) VALUES ($1)'],
    [
      'model_registry', 'model-registry', 'deployment-credential:dep_1',
      `WITH m AS (INSERT INTO model VALUES ('mod_1', 'org', 'gpt', 0)), v AS (INSERT INTO version VALUES ('ver_1', 'mod_1', 1, 'sha256:0', 'x', 0))
       INSERT INTO deployment VALUES ('dep_1', 'ver_1', 'openai', 'external', 'active', 'https://x', 'gpt', '', $1)`,
    ],
  ])('of a database from before the check is that which opens what %s keeps', async (schema, service, purpose, statement) => {
    const sql = createSql({ url: database.url, schema });
    await migrate(sql, await readMigrations(new URL(`../../../services/${service}/migrations/`, import.meta.url)));
    await sql.query(statement, [right.wrap(purpose, Buffer.from('secret'))]);
    await sql.end();
    expect(await isBegun(database.url)).toBe(true);
    await expect(check(wrong)).rejects.toThrow(OtherRootKeyError);
    expect(await isBegun(database.url)).toBe(true);
    await check(right);
  });

  it('is compared by a process of a mesh before it asks anything else', async () => {
    await check(right);
    // Nobody listens there: whoever came so far would fail by it.
    const kafka = { brokers: ['127.0.0.1:1'], replicas: 1 } as const;
    const start = createMeshPlatform({ hosted: ['model-registry'], addresses: {}, rpcListen: undefined, tls: undefined, name: 'x', databaseUrl: database.url, kafka, redisUrl: undefined, rootKey: wrong, logger: silentLogger });
    await expect(start).rejects.toThrow(OtherRootKeyError);
  });

  it('is compared by a platform in one process', async () => {
    const start = async (rootKey: RootKey) => createEmbeddedPlatform({ dataDir: '/nowhere', databaseUrl: database.url, rootKey, logger: silentLogger });
    await (await start(right)).stop();
    await expect(start(wrong)).rejects.toThrow(OtherRootKeyError);
  }, LONG_MS);
});
