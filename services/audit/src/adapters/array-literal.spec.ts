import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createSql, type SqlPool } from '@sluice/sql';
import { startTestDatabase, type TestDatabase } from '@sluice/sql/testing';
import { booleanArray, hexArray, idArray, numberArray, textArray } from './array-literal.ts';

let database: TestDatabase;
let sql: SqlPool;
beforeAll(async () => {
  database = await startTestDatabase();
  sql = createSql({ url: database.url, schema: 'public' });
});
afterAll(async () => {
  await sql.end();
  await database.stop();
});

describe('array literals', () => {
  it('are read back by PostgreSQL as they were, whatever the text', async () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', 'null', 'NULL', '{}', '"', '\\', ',', ' a ', 'a b')).filter((value) => !value.includes('\0') && value.isWellFormed());
    await fc.assert(fc.asyncProperty(fc.array(text), async (values) => {
      expect(await sql.query('SELECT $1::text[] AS read', [textArray(values)])).toEqual([{ read: values }]);
    }), { numRuns: 200 });
  });

  it('of numbers, truths, ids and bytes too', async () => {
    const [row] = await sql.query(
      "SELECT $1::bigint[]::text AS numbers, $2::boolean[] AS truths, $3::uuid[]::text AS ids, (SELECT array_agg(decode(hex, 'hex')) FROM unnest($4::text[]) AS part (hex)) AS bytes",
      [numberArray([1n, undefined, -(1n << 63n)]), booleanArray([true, false]), idArray(['0'.repeat(32)]), hexArray([Buffer.from([0, 255]), undefined, Buffer.alloc(0)])],
    );
    expect(row).toEqual({ numbers: '{1,NULL,-9223372036854775808}', truths: [true, false], ids: '{00000000-0000-0000-0000-000000000000}', bytes: [Buffer.from([0, 255]), null, Buffer.alloc(0)] });
  });
});
