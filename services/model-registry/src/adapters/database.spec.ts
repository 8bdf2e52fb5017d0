import { describe, expect, it } from '@jest/globals';
import { SqlError, type Sql, type SqlErrorKind } from '@sluice/sql';
import { registryTables } from './database.ts';

function failing(thrown: unknown): Sql {
  const fail = () => Promise.reject(thrown as Error);
  return registryTables({ query: fail, transaction: fail });
}

describe('the tables of the registry', () => {
  it.each<[SqlErrorKind, string]>([
    ['unavailable', 'backend_unavailable'], ['timeout', 'backend_unavailable'], ['conflict', 'backend_unavailable'], ['disk_full', 'disk_full'],
  ])('say of %s that it is %s', async (kind, code) => {
    const sql = failing(new SqlError(kind, 'detail for the log'));
    for (const answer of [sql.query('select 1'), sql.transaction(async () => 1)]) {
      await expect(answer).rejects.toMatchObject({ code, message: expect.not.stringContaining('detail') });
    }
  });

  it('leave a fault of ours what it is', async () => {
    const fault = new SqlError('refused', 'syntax');
    await expect(failing(fault).query('selct')).rejects.toBe(fault);
  });
});
