import { type Message, Partitioners, type Producer } from 'kafkajs';
import { ServiceError } from '@sluice/errors';
import { toKafkaLogError, type KafkaClient } from './kafka-client.ts';

/** Every replica in sync. */
const ALL = -1;
/** The leader alone: for what may be lost. */
export const LEADER = 1;

/** Where the first of the records that were sent together lies. */
export interface Appended {
  readonly partition: number;
  readonly offset: bigint;
}

/**
 * Sends records and says where they are. Nothing is tried again here: a record whose fate is unknown may be in the log,
 * and only who sent it knows whether it may be there twice.
 */
export class AckedProducer {
  readonly #producer: Producer;
  readonly #end: (leave: Promise<void>) => Promise<void>;

  private constructor(producer: Producer, end: (leave: Promise<void>) => Promise<void>) {
    this.#producer = producer;
    this.#end = end;
  }

  /** Fails with `audit_log_unavailable` when no broker answers; from then on it comes back by itself. */
  static async connect(kafka: KafkaClient): Promise<AckedProducer> {
    const { driver, end, renew } = kafka.open();
    const producer = new AckedProducer(driver.producer({ allowAutoTopicCreation: false, idempotent: false, maxInFlightRequests: 1, retry: { retries: 0 }, createPartitioner: Partitioners.DefaultPartitioner }), end);
    producer.#producer.on(producer.#producer.events.REQUEST_TIMEOUT, renew);
    try {
      await producer.#producer.connect();
    } catch (thrown) {
      await producer.stop();
      throw toKafkaLogError(thrown);
    }
    return producer;
  }

  /** Records of one key, in order. `audit_log_unavailable`: nobody knows whether they are in the log. */
  async send(topic: string, messages: Message[], acks: number = ALL): Promise<Appended> {
    const [where] = await this.#producer.send({ topic, messages, acks }).catch((thrown: unknown) => Promise.reject(toKafkaLogError(thrown)));
    if (where?.baseOffset === undefined) throw new ServiceError('internal', 'Kafka did not say where a record lies.');
    return { partition: where.partition, offset: BigInt(where.baseOffset) };
  }

  /** What was sent and is not answered within two seconds has an unknown fate. */
  async stop(): Promise<void> {
    await this.#end(this.#producer.disconnect());
  }
}
