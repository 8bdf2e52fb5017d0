import { systemClock } from '@sluice/clock';
import { createSql } from '@sluice/sql';
import { startTestDatabase } from '@sluice/sql/testing';
import type { Logger } from '@sluice/telemetry';
import { eventLogContract } from '../event-log.contract.ts';
import { createPostgresEventLog } from './postgres-event-log.ts';

const errors: Readonly<Record<string, unknown>>[] = [];
const logger: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: (fields) => void errors.push(fields), child: () => logger };

eventLogContract('PostgreSQL', async () => {
  const database = await startTestDatabase();
  const sql = createSql({ url: database.url, schema: 'shop' });
  return {
    sql,
    errors,
    open: () => createPostgresEventLog({ url: database.url, clock: systemClock, logger }),
    close: async () => {
      await sql.end();
      await database.stop();
    },
  };
});
