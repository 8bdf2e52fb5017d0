export type { Migration, NamedStatement, Sql, SqlQuery, SqlTransaction } from './sql.ts';
export { SqlError, toSqlError, type SqlErrorKind } from './sql-error.ts';
export { explainedTables, type AwayAnswer } from './explained-tables.ts';
export { createSql, type SqlOptions, type SqlPool } from './pool.ts';
export { schemaName } from './connection.ts';
export { migrate, MigrationError, readMigrations } from './migrations.ts';
export { Listener, type ListenerOptions } from './listener.ts';
export { DatabaseStartError } from './embedded/database-start-error.ts';
export { EmbeddedPostgres, type EmbeddedPostgresOptions } from './embedded/embedded-postgres.ts';
