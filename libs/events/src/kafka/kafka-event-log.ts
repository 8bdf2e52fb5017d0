import type { Clock, Ids } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { HealthState } from '@sluice/lifecycle';
import type { Logger } from '@sluice/telemetry';
import type { DeadLetters, EventLog } from '../event-log.ts';
import { AckedProducer } from './acked-producer.ts';
import { ConsumerSubscription } from './consumer-subscription.ts';
import { DatabaseSide, type LogDatabase } from './database-side.ts';
import { DECLARED_TOPICS } from './declared-topics.ts';
import { ensureTopics } from './ensure-topics.ts';
import { FollowerConsumer } from './follower-consumer.ts';
import type { KafkaHouse } from './group-reader.ts';
import { administer, createKafka, DECLARED_REPLICAS, type KafkaServers, type Replicas } from './kafka-client.ts';
import { ProducerBeats } from './producer-beats.ts';
import { ProducerEpochs } from './producer-epochs.ts';
import { RightClaims } from './right-claims.ts';

export type { KafkaServers };
export { adoptCluster, type Adoption, type AdoptionOptions } from './adopt-cluster.ts';

export interface KafkaEventLogOptions extends KafkaServers {
  /** Names this process in the brokers' logs. */
  readonly clientId: string;
  /**
   * The database whose transactions `publish` takes part in. Without one, as in a process of the data plane, there are
   * segments, epochs and `follow`; whatever needs transactions fails with `internal`.
   */
  readonly database?: LogDatabase;
  /** In front of the names of topics and groups, for logs of specs that share a cluster. */
  readonly topicPrefix?: string;
  readonly clock: Clock;
  readonly ids: Pick<Ids, 'next'>;
  readonly logger: Logger;
}

/** The log with an end, and with its dead letters. */
export interface KafkaEventLog extends EventLog, DeadLetters {
  /** Degraded while a consumer of this process has records that it could not handle, or a batch that does not end, and with topics that have too few replicas. */
  health(): HealthState;
  /** Stops every subscription and closes the connections. */
  stop(): Promise<void>;
}

/**
 * The event log on Kafka. Makes the declared topics, and brings the schema `events` of its database to its newest version.
 * Fails with `audit_log_unavailable` when no broker answers, with `failed_precondition` when a topic is not as it is declared.
 */
export async function createKafkaEventLog({ clientId, database, topicPrefix = '', clock, ids, logger, ...servers }: KafkaEventLogOptions): Promise<KafkaEventLog> {
  const { replicas = DECLARED_REPLICAS } = servers;
  const house: KafkaHouse = { kafka: await createKafka(servers, clientId, logger), prefix: topicPrefix, clock, logger };
  const readers: Stoppable[] = [];
  const producers: Stoppable[] = [];
  const keep = <T extends Stoppable>(part: T, among: Stoppable[]): T => {
    among.push(part);
    return part;
  };
  const stopParts = async (): Promise<void> => {
    for (const parts of [readers, producers]) await Promise.all(parts.map((part) => part.stop()));
    house.kafka.close();
  };
  try {
    const thin = await administer(house.kafka, (admin) => ensureTopics(admin, { clock, prefix: topicPrefix, replicas }, DECLARED_TOPICS));
    const control = keep(await AckedProducer.connect(house.kafka), producers);
    const segments = keep(await AckedProducer.connect(house.kafka), producers);
    const side = database && keep(await DatabaseSide.open(house, ids, database), readers);
    const beats = keep(new ProducerBeats(house, control, ids), readers);
    const epochs = new ProducerEpochs({ house, segments, control, beats, ids, sql: side?.sql });
    return assemble({ house, ids, control, epochs, side, stopParts, found: replicationFaults(thin, replicas) });
  } catch (thrown) {
    await stopParts();
    throw thrown;
  }
}

interface Stoppable {
  stop(): Promise<void>;
}

interface Parts {
  readonly house: KafkaHouse;
  readonly ids: Pick<Ids, 'next'>;
  readonly control: AckedProducer;
  readonly epochs: ProducerEpochs;
  readonly side: DatabaseSide | undefined;
  /** Readers first, each part beside the others of its kind. */
  readonly stopParts: () => Promise<void>;
  /** What was found at the start and stays so until the next. */
  readonly found: readonly string[];
}

function assemble({ house, ids, control, epochs, side, stopParts, found }: Parts): KafkaEventLog {
  const following = new Map<ConsumerSubscription<unknown>, { readonly fault: string | undefined }>();
  const needed = (): DatabaseSide => {
    if (!side) throw new ServiceError('internal', 'This process uses the event log without a database.');
    return side;
  };
  return {
    publish: async (transaction, schema, key, message) => needed().publish(transaction, schema, key, message),
    position: async (transaction, schema) => needed().position(transaction, schema),
    beat: async (schema) => needed().heads.beat(control, schema),
    // The disk of the brokers is theirs to watch.
    hasRoom: () => true,
    producerName: (name, isSole) => epochs.producerName(name, isSole),
    takeEpoch: async (producer) => epochs.take(producer),
    renewEpoch: async (producer, epoch) => epochs.renew(producer, epoch),
    closeEpoch: async (producer, epoch) => epochs.close(producer, epoch),
    openEpochs: async () => epochs.open(),
    appendSegment: async (segment) => epochs.append(segment),
    subscribe: (schema, consumer, handle, options) => needed().subscribe(schema, consumer, handle, options),
    subscribeSegments: (consumer, handle, options) => needed().subscribeSegments(consumer, handle, options),
    follow: (schema, afterPosition, follower) => {
      const consuming = new FollowerConsumer(house, ids, side?.sql, schema, afterPosition, follower);
      const subscription = new ConsumerSubscription(consuming, house.clock, () => following.delete(subscription));
      following.set(subscription, consuming);
      return subscription;
    },
    witness: (right) => new RightClaims(house, control, ids, right),
    prune: async (nowMs) => needed().prune(nowMs),
    deadLetters: async (schema, consumer) => needed().deadLetters(schema, consumer),
    replayDeadLetters: async (schema, consumer) => needed().replayDeadLetters(schema, consumer),
    health: () => {
      const faults = [...found, ...(side?.faults() ?? []), ...new Set([...following.values()].flatMap(({ fault }) => fault ?? []))];
      return faults.length === 0 ? { status: 'ok' } : { status: 'degraded', detail: faults.join(' ') };
    },
    async stop() {
      await Promise.all([...following.keys()].map((subscription) => subscription.stop()));
      await stopParts();
    },
  };
}

function replicationFaults(thin: readonly string[], replicas: Replicas): string[] {
  return thin.length === 0 ? [] : [`Topics on Kafka with fewer than ${replicas} replicas: ${thin.join(', ')}. Give them more with kafka-reassign-partitions, then start this process again.`];
}
