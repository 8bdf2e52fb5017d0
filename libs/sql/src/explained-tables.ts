import { ServiceError, type Code } from '@sluice/errors';
import type { Sql } from './sql.ts';
import { SqlError } from './sql-error.ts';

/** What the callers of a service are told when its database is away. */
export interface AwayAnswer {
  readonly code: Code;
  readonly message: string;
}

/**
 * The tables of a service, whose failures say to its callers what they mean: `disk_full`, or the given answer when the
 * database is away, too slow or in conflict. A fault of our own stays what it is: internal.
 */
export function explainedTables(sql: Sql, away: AwayAnswer): Sql {
  const explain = (thrown: unknown): never => {
    throw explained(thrown, away);
  };
  return {
    query: (statement, values) => sql.query<never>(statement, values).catch(explain),
    transaction: (work) => sql.transaction(work).catch(explain),
  };
}

function explained(thrown: unknown, { code, message }: AwayAnswer): unknown {
  if (!(thrown instanceof SqlError)) return thrown;
  switch (thrown.kind) {
    case 'disk_full':
      return new ServiceError('disk_full', 'The disk of the database is full; nothing was changed.', { cause: thrown });
    case 'unavailable':
    case 'timeout':
    case 'conflict':
      return new ServiceError(code, message, { cause: thrown });
    case 'unique_violation':
    case 'refused':
      return thrown;
  }
}
