import { ServiceError } from '@sluice/errors';
import { SqlError, type Sql } from '@sluice/sql';

/** The tables, whose failures say to a caller what they mean for access. A fault of our own stays what it is: internal. */
export function accessTables(sql: Sql): Sql {
  return {
    query: (statement, values) => sql.query<never>(statement, values).catch(explain),
    transaction: (work) => sql.transaction(work).catch(explain),
  };
}

function explain(thrown: unknown): never {
  if (!(thrown instanceof SqlError)) throw thrown;
  switch (thrown.kind) {
    case 'disk_full':
      throw new ServiceError('disk_full', 'The disk of the database is full; nothing was changed.', { cause: thrown });
    case 'unavailable':
    case 'timeout':
    case 'conflict':
      throw new ServiceError('access_unavailable', 'The database of access is away.', { cause: thrown });
    default:
      throw thrown;
  }
}
