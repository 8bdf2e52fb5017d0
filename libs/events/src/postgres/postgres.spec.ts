import { systemClock } from '@sluice/clock';
import { createSql } from '@sluice/sql';
import { startTestDatabase } from '@sluice/sql/testing';
import type { Logger } from '@sluice/telemetry';
import { eventLogContract } from '../event-log.contract.ts';
import { createPostgresEventLog } from './postgres-event-log.ts';

const logger: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, child: () => logger };

eventLogContract('PostgreSQL', async () => {
  const database = await startTestDatabase();
  const sql = createSql({ url: database.url, schema: 'shop' });
  return {
    sql,
    open: () => createPostgresEventLog({ url: database.url, clock: systemClock, logger }),
    close: async () => {
      await sql.end();
      await database.stop();
    },
  };
});
