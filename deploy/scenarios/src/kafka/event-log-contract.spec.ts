import { afterAll, beforeAll, describe } from '@jest/globals';
import { systemClock, systemIds, type Clock } from '@sluice/clock';
import { createKafkaEventLog } from '@sluice/events/kafka';
import { eventLogContract } from '@sluice/events/testing';
import { createSql } from '@sluice/sql';
import { startTestDatabase } from '@sluice/sql/testing';
import { TestBroker } from '@sluice/stack/testing/broker';
import type { Logger } from '@sluice/telemetry';
import { replayScenarios } from './replay.scenarios.ts';

const LONG_MS = 240_000;
/** Longer waits are limits, not pauses. */
const LONGEST_PAUSE_MS = 5_000;
/** The machine's clock, with waits a tenth as long: what is tried again later and later need not be waited for. */
const hurriedClock: Clock = { ...systemClock, after: (delayMs, run) => systemClock.after(delayMs > LONGEST_PAUSE_MS ? delayMs : delayMs / 10, run) };

const errors: Readonly<Record<string, unknown>>[] = [];
const logger: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: (fields) => void errors.push(fields), child: () => logger };

describe('the event log on Kafka', () => {
  let broker: TestBroker;
  let worlds = 0;
  beforeAll(async () => {
    broker = await TestBroker.start();
  }, LONG_MS);
  afterAll(async () => broker.end());

  eventLogContract('Kafka', async () => {
    const database = await startTestDatabase();
    const sql = createSql({ url: database.url, schema: 'shop' });
    const topicPrefix = `world-${worlds++}.`;
    return {
      sql,
      errors,
      refusesLate: false,
      open: () => createKafkaEventLog({ brokers: [broker.address], clientId: 'contract', database: { url: database.url }, topicPrefix, clock: hurriedClock, ids: systemIds(systemClock), logger }),
      close: async () => {
        await sql.end();
        await database.stop();
      },
    };
  });

  replayScenarios(() => broker.address, hurriedClock);
});
