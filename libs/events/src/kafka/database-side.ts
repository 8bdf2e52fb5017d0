import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { Ids } from '@sluice/clock';
import { createSql, Listener, migrate, readMigrations, type SqlPool, type SqlTransaction } from '@sluice/sql';
import type { ConsumerOptions, DeadLetter, RecordHandler, SegmentHandler, SubscribeOptions, Subscription } from '../event-log.ts';
import { listDeadLetters, replayDeadLetters } from '../postgres/dead-letters.ts';
import { LetterWatch } from '../postgres/letter-watch.ts';
import { toLogError } from '../postgres/log-error.ts';
import { CHANNEL, parseNotice } from '../postgres/notice.ts';
import { position, publish } from '../postgres/topic-writer.ts';
import { ReadLoop } from '../read-loop.ts';
import { AckedProducer } from './acked-producer.ts';
import { ConsumerSubscription } from './consumer-subscription.ts';
import { checkTies } from './cluster-ties.ts';
import { endsOf } from './cursors.ts';
import { PUBLISHED_TOPICS, SEGMENT_TOPIC } from './declared-topics.ts';
import type { KafkaHouse } from './group-reader.ts';
import { answered } from './kafka-client.ts';
import { LagProbe } from './lag-probe.ts';
import { LagWatch } from './lag-watch.ts';
import { LetterReader } from './letter-reader.ts';
import { PartitionReader } from './partition-reader.ts';
import { prune } from './prune.ts';
import { registerRelays, Relay } from './relay.ts';
import { OWN_GROUPS } from './rights.ts';
import { SegmentConsumer } from './segment-consumer.ts';
import { TopicConsumer } from './topic-consumer.ts';
import { TopicHeads } from './topic-heads.ts';

const SCHEMA = 'events';
const CONNECTIONS = 12;
/** Under load one transaction takes what came in this time, or this much. */
const SEGMENT_WAIT_MS = 150;
const SEGMENT_WAIT_BYTES = 1024 * 1024;

export interface LogDatabase {
  readonly url: string;
  /** Once it is aborted, nothing waits for an answer of the database any longer. */
  readonly signal?: AbortSignal;
}

/** What of the log stands on transactions: the outbox and its relays, consumers with their cursors, dead letters. */
export class DatabaseSide {
  readonly position = position;
  readonly sql: SqlPool;
  readonly heads: TopicHeads;
  readonly #house: KafkaHouse;
  readonly #ids: Pick<Ids, 'next'>;
  readonly #producer: AckedProducer;
  readonly #listener: Listener;
  readonly #relays: readonly { readonly topic: string; readonly loop: ReadLoop<bigint> }[];
  readonly #letters = new LetterWatch();
  readonly #lag = new LagWatch();
  readonly #probe: LagProbe;
  readonly #running = new Set<Subscription>();
  readonly #readers = new Set<PartitionReader<never>>();
  /** By topic, what looks again when something is published. */
  readonly #wake = new Map<string, Set<() => void>>();

  private constructor(house: KafkaHouse, ids: Pick<Ids, 'next'>, url: string, sql: SqlPool, producer: AckedProducer) {
    this.#house = house;
    this.#ids = ids;
    this.sql = sql;
    this.heads = new TopicHeads(house, sql);
    this.#producer = producer;
    this.#probe = new LagProbe(house, sql);
    this.#relays = PUBLISHED_TOPICS.map((topic) => {
      const relay = new Relay(sql, producer, house.prefix, topic);
      const loop = new ReadLoop(relay, { clock: house.clock, logger: house.logger, paceMs: 0, onStop: () => undefined });
      this.#onPublished(topic.name, () => loop.wake());
      this.#lag.add({ consumer: 'relay', topic: topic.name, lag: () => relay.lag() });
      return { topic: topic.name, loop };
    });
    this.#listener = new Listener({
      url, clock: house.clock, channel: CHANNEL,
      onNotification: (payload) => {
        const notice = parseNotice(payload);
        if (notice?.kind === 'published') for (const wake of this.#wake.get(notice.topic) ?? []) wake();
        if (notice?.kind === 'rewound') this.#reclaim(notice.topic);
      },
      onListening: () => {
        for (const wakes of this.#wake.values()) for (const wake of wakes) wake();
        this.#reclaim();
      },
      onLost: (error) => house.logger.warn({ error }, 'the outbox is not heard'),
    });
  }

  /** Brings the schema to its newest version first. Fails with `failed_precondition` when the database and the cluster do not belong together. */
  static async open(house: KafkaHouse, ids: Pick<Ids, 'next'>, { url, signal }: LogDatabase): Promise<DatabaseSide> {
    const sql = createSql({ url, schema: SCHEMA, connections: CONNECTIONS, ...(signal && { signal }) });
    let producer: AckedProducer | undefined;
    try {
      await migrate(sql, await readMigrations(new URL('../../migrations/', import.meta.url)), house.logger);
      await registerRelays(sql, PUBLISHED_TOPICS);
      await checkTies(sql, house, ids);
      producer = await AckedProducer.connect(house.kafka);
      return new DatabaseSide(house, ids, url, sql, producer);
    } catch (thrown) {
      await Promise.all([producer?.stop(), sql.end()]);
      throw toLogError(thrown);
    }
  }

  async publish<M extends DescMessage>(transaction: SqlTransaction, schema: M, key: string, message: MessageShape<M>): Promise<void> {
    this.heads.published(await publish(transaction, schema, key, message));
  }

  subscribe<M extends DescMessage>(schema: M, consumer: string, handle: RecordHandler<M>, options?: SubscribeOptions): Subscription {
    const { sql } = this;
    const work = new TopicConsumer(this.#house, sql, schema, consumer, handle, options);
    const { topic } = work;
    const reader = new PartitionReader(this.#house, sql, { consumer, topic, soleGroup: this.#soleGroup(options) }, work);
    const letters = new ReadLoop(new LetterReader(sql, work), { clock: this.#house.clock, logger: this.#house.logger, paceMs: 0, onStop: () => undefined });
    const forget = this.#onPublished(topic, () => letters.wake());
    this.#letters.add(work);
    return this.#run(reader, { consumer, topic }, {
      target: async () => {
        const [row] = await sql.query<{ head: bigint }>('SELECT head FROM events.topic WHERE name = $1', [topic]);
        return row?.head ?? 0n;
      },
      reached: async (target: bigint) => {
        const [row] = await sql.query<{ position: bigint | null }>('SELECT position FROM events.kafka_cursor WHERE consumer = $1 AND topic = $2 AND part = 0', [consumer, topic]);
        if (target > (row?.position ?? 0n)) return false;
        await Promise.all([letters.caughtUp(), reader.settled()]);
        return true;
      },
      stop: async () => {
        forget();
        await Promise.all([reader.stop(), letters.stop()]);
        this.#letters.remove(work);
      },
    });
  }

  subscribeSegments(consumer: string, handle: SegmentHandler, options?: ConsumerOptions): Subscription {
    const topic = SEGMENT_TOPIC.name;
    const fetch = { minBytes: SEGMENT_WAIT_BYTES, maxWaitMs: SEGMENT_WAIT_MS };
    const reader = new PartitionReader(this.#house, this.sql, { consumer, topic, ...fetch, soleGroup: this.#soleGroup(options) }, new SegmentConsumer(this.#house, this.sql, consumer, handle));
    return this.#run(reader, { consumer, topic }, {
      target: async () => endsOf(this.#house, topic),
      reached: async (target: Awaited<ReturnType<typeof endsOf>>) => {
        const rows = await this.sql.query<{ part: number; next_offset: bigint }>('SELECT part, next_offset FROM events.kafka_cursor WHERE consumer = $1 AND topic = $2', [consumer, topic]);
        const next = new Map(rows.map(({ part, next_offset }) => [part, next_offset]));
        return [...target].every(([partition, { high }]) => high <= (next.get(partition) ?? 0n));
      },
      stop: () => reader.stop(),
    });
  }

  async prune(nowMs: number): Promise<void> {
    await prune(this.sql, this.#house, nowMs);
  }

  async deadLetters(schema: DescMessage, consumer: string): Promise<DeadLetter[]> {
    return listDeadLetters(this.sql, schema, consumer);
  }

  async replayDeadLetters(schema: DescMessage, consumer: string): Promise<number> {
    return replayDeadLetters(this.sql, schema, consumer);
  }

  /** What an operator should mend, a sentence each. */
  faults(): string[] {
    return [...this.#relayFaults(), ...[...this.#readers].map(({ fault }) => fault), this.#probe.fault, this.#letters.health().detail, this.heads.fault].filter((fault) => fault !== undefined);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running].map((subscription) => subscription.stop()));
    this.#lag.stop();
    this.#probe.stop();
    this.#letters.stop();
    // A batch on its way to a Kafka that does not answer ends with its connection.
    const relays = Promise.all([...this.#relays.map(({ loop }) => loop.stop())]);
    await answered(relays);
    await Promise.all([relays, this.#producer.stop(), this.#listener.stop()]);
    await this.sql.end();
  }

  #run<State, Target>(reader: PartitionReader<State>, { consumer, topic }: { consumer: string; topic: string }, parts: {
    target(): Promise<Target>; reached(target: Target): Promise<boolean>; stop(): Promise<void>;
  }): Subscription {
    const lagging = { consumer, topic, lag: () => reader.progress.lag() };
    const watched = reader as PartitionReader<never>;
    const probed = { consumer, topic, progress: reader.progress };
    const subscription = new ConsumerSubscription({ ...parts, lag: lagging.lag }, this.#house.clock, () => {
      this.#running.delete(subscription);
      this.#readers.delete(watched);
      this.#probe.remove(probed);
      this.#lag.remove(lagging);
    });
    this.#running.add(subscription);
    this.#readers.add(watched);
    this.#probe.add(probed);
    this.#lag.add(lagging);
    return subscription;
  }

  /** One for each reason, which is often that of all topics. */
  #relayFaults(): string[] {
    const failing = this.#relays.flatMap(({ topic, loop: { fault } }) => (fault === undefined ? [] : [{ topic, fault }]));
    return [...Map.groupBy(failing, ({ fault }) => fault)].map(([fault, topics]) => `What is published on ${topics.map(({ topic }) => topic).join(', ')} is not sent to Kafka: ${fault}`);
  }

  #soleGroup(options: ConsumerOptions | undefined): string | undefined {
    return options?.isSole ? this.#ids.next(OWN_GROUPS.sole) : undefined;
  }

  /** Of every topic, when it is not known which consumers were put back: nothing was heard for a while. */
  #reclaim(topic?: string): void {
    for (const reader of this.#readers) if (topic === undefined || reader.topic === topic) reader.reclaim();
  }

  #onPublished(topic: string, wake: () => void): () => void {
    const wakes = this.#wake.get(topic) ?? new Set();
    this.#wake.set(topic, wakes.add(wake));
    return () => { wakes.delete(wake); };
  }
}
