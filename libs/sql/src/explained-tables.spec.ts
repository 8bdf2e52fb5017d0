import { describe, expect, it } from '@jest/globals';
import { explainedTables } from './explained-tables.ts';
import type { Sql } from './sql.ts';
import { SqlError, type SqlErrorKind } from './sql-error.ts';

function failing(thrown: unknown): Sql {
  const fail = () => Promise.reject(thrown as Error);
  return explainedTables({ query: fail, transaction: fail }, { code: 'access_unavailable', message: 'The database of access is away.' });
}

describe('explained tables', () => {
  it.each<[SqlErrorKind, string]>([
    ['unavailable', 'access_unavailable'], ['timeout', 'access_unavailable'], ['conflict', 'access_unavailable'], ['disk_full', 'disk_full'],
  ])('say of %s that it is %s', async (kind, code) => {
    const sql = failing(new SqlError(kind, 'detail for the log'));
    for (const answer of [sql.query('select 1'), sql.transaction(async () => 1)]) {
      await expect(answer).rejects.toMatchObject({ code, message: expect.not.stringContaining('detail') });
    }
  });

  it.each([new SqlError('refused', 'syntax'), new SqlError('unique_violation', 'twice'), new TypeError('a fault')])('leave a fault of ours what it is: %s', async (fault) => {
    await expect(failing(fault).query('selct')).rejects.toBe(fault);
    await expect(failing(fault).transaction(async () => 1)).rejects.toBe(fault);
  });
});
