import type { KafkaEventLog, KafkaEventLogOptions } from '@sluice/events/kafka';
import type { SqlPool } from '@sluice/sql';
import { Kafka, logLevel } from 'kafkajs';

/** One test on a broker of the file that runs it: topics that no other test uses, and tables that are empty. */
export interface ClusterWorld {
  /** Where nobody is asked who he is. */
  readonly address: string;
  /** Where users are, with TLS and a password. */
  readonly secureAddress: string;
  readonly tls: { readonly caFile: string; readonly certificateFile: string; readonly keyFile: string };
  readonly prefix: string;
  readonly databaseUrl: string;
  readonly sql: SqlPool;
  /** Is stopped with the test. */
  readonly open: (options?: Partial<KafkaEventLogOptions>) => Promise<KafkaEventLog>;
  /** Stops one before. */
  readonly close: (log: KafkaEventLog) => Promise<void>;
}

/** A client that knows nothing of Sluice, and may do everything. */
export function plainKafka({ address }: Pick<ClusterWorld, 'address'>): Kafka {
  return new Kafka({ brokers: [address], clientId: 'plain', logLevel: logLevel.NOTHING });
}

const POLLS = 3_000;
const POLL_MS = 20;

/** Waits for what must come to pass. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let poll = 0; poll < POLLS; poll++) {
    if (await isSo()) return;
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
  }
  throw new Error('it did not come to pass');
}
