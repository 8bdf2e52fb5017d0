import { systemClock, type Clock } from '@sluice/clock';
import { createSql } from '@sluice/sql';
import { startTestDatabase, type PostgresVersion } from '@sluice/sql/testing';
import type { Logger } from '@sluice/telemetry';
import { eventLogContract } from '../event-log.contract.ts';
import { createPostgresEventLog } from './postgres-event-log.ts';

/** The machine's clock, with waits a tenth as long: what is tried again later and later need not be waited for. */
const hurriedClock: Clock = { ...systemClock, after: (delayMs, run) => systemClock.after(delayMs / 10, run) };

function contractOn(name: string, version: PostgresVersion): void {
  eventLogContract(name, async () => {
    const database = await startTestDatabase(version);
    const sql = createSql({ url: database.url, schema: 'shop' });
    const errors: Readonly<Record<string, unknown>>[] = [];
    const logger: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: (fields) => void errors.push(fields), child: () => logger };
    return {
      sql,
      errors,
      open: () => createPostgresEventLog({ url: database.url, clock: hurriedClock, logger }),
      close: async () => {
        await sql.end();
        await database.stop();
      },
    };
  });
}

contractOn('PostgreSQL', 'pinned');
contractOn('PostgreSQL 15', 'oldest');
