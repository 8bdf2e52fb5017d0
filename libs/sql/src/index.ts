export type { Migration, Sql, SqlQuery, SqlTransaction } from './sql.ts';
