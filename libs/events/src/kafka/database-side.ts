import type { DescMessage } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import type { HealthState } from '@sluice/lifecycle';
import { createSql, Listener, migrate, readMigrations, type SqlPool } from '@sluice/sql';
import type { DeadLetter, RecordHandler, SegmentHandler, SubscribeOptions, Subscription } from '../event-log.ts';
import { listDeadLetters, replayDeadLetters } from '../postgres/dead-letters.ts';
import { LetterWatch } from '../postgres/letter-watch.ts';
import { toLogError } from '../postgres/log-error.ts';
import { CHANNEL, parseNotice } from '../postgres/notice.ts';
import { position, publish } from '../postgres/topic-writer.ts';
import { ReadLoop } from '../read-loop.ts';
import { AckedProducer } from './acked-producer.ts';
import { ConsumerSubscription } from './consumer-subscription.ts';
import { endsOf } from './cursors.ts';
import { PUBLISHED_TOPICS, SEGMENT_TOPIC } from './declared-topics.ts';
import type { KafkaHouse } from './group-reader.ts';
import { LagWatch } from './lag-watch.ts';
import { LetterReader } from './letter-reader.ts';
import { PartitionReader } from './partition-reader.ts';
import { prune } from './prune.ts';
import { registerRelays, Relay } from './relay.ts';
import { SegmentConsumer } from './segment-consumer.ts';
import { TopicConsumer } from './topic-consumer.ts';

const SCHEMA = 'events';
const CONNECTIONS = 12;
/** Under load one transaction takes what came in this time, or this much. */
const SEGMENT_WAIT_MS = 150;
const SEGMENT_WAIT_BYTES = 1024 * 1024;

/** What of the log stands on transactions: the outbox and its relays, consumers with their cursors, dead letters. */
export class DatabaseSide {
  readonly publish = publish;
  readonly position = position;
  readonly sql: SqlPool;
  readonly #house: KafkaHouse;
  readonly #producer: AckedProducer;
  readonly #listener: Listener;
  readonly #relays: ReadLoop<bigint>[];
  readonly #letters = new LetterWatch();
  readonly #lag = new LagWatch();
  readonly #running = new Set<Subscription>();
  readonly #readers = new Set<PartitionReader<never>>();
  /** By topic, what looks again when something is published. */
  readonly #wake = new Map<string, Set<() => void>>();

  private constructor(house: KafkaHouse, url: string, sql: SqlPool, producer: AckedProducer) {
    this.#house = house;
    this.sql = sql;
    this.#producer = producer;
    this.#relays = PUBLISHED_TOPICS.map((topic) => {
      const relay = new Relay(sql, producer, house.prefix, topic);
      const loop = new ReadLoop(relay, { clock: house.clock, logger: house.logger, paceMs: 0, onStop: () => undefined });
      this.#onPublished(topic.name, () => loop.wake());
      this.#lag.add({ consumer: 'relay', topic: topic.name, lag: () => relay.lag() });
      return loop;
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

  /** Brings the schema to its newest version first. Fails with `failed_precondition` when the topics are those of another database. */
  static async open(house: KafkaHouse, url: string): Promise<DatabaseSide> {
    const sql = createSql({ url, schema: SCHEMA, connections: CONNECTIONS });
    let producer: AckedProducer | undefined;
    try {
      await migrate(sql, await readMigrations(new URL('../../migrations/', import.meta.url)));
      await registerRelays(sql, PUBLISHED_TOPICS);
      await checkOrigin(sql, house);
      producer = await AckedProducer.connect(house.kafka);
      return new DatabaseSide(house, url, sql, producer);
    } catch (thrown) {
      await Promise.all([producer?.stop(), sql.end()]);
      throw toLogError(thrown);
    }
  }

  subscribe<M extends DescMessage>(schema: M, consumer: string, handle: RecordHandler<M>, options?: SubscribeOptions): Subscription {
    const { sql } = this;
    const work = new TopicConsumer(this.#house, sql, schema, consumer, handle, options);
    const { topic } = work;
    const reader = new PartitionReader(this.#house, sql, { consumer, topic }, work);
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

  subscribeSegments(consumer: string, handle: SegmentHandler): Subscription {
    const topic = SEGMENT_TOPIC.name;
    const reader = new PartitionReader(this.#house, this.sql, { consumer, topic, minBytes: SEGMENT_WAIT_BYTES, maxWaitMs: SEGMENT_WAIT_MS }, new SegmentConsumer(this.#house, this.sql, consumer, handle));
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

  health(): HealthState {
    const stuck = [...this.#readers].filter((reader) => reader.stuck !== undefined).map((reader) => `${reader.name} has a batch that does not end; its process has to be started again.`);
    const letters = this.#letters.health();
    return stuck.length === 0 ? letters : { status: 'degraded', detail: [...stuck, ...(letters.status === 'ok' ? [] : [letters.detail])].join(' ') };
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running].map((subscription) => subscription.stop()));
    this.#lag.stop();
    this.#letters.stop();
    await Promise.all([...this.#relays.map((relay) => relay.stop()), this.#listener.stop()]);
    await Promise.all([this.#producer.stop(), this.sql.end()]);
  }

  #run<State, Target>(reader: PartitionReader<State>, { consumer, topic }: { consumer: string; topic: string }, parts: {
    target(): Promise<Target>; reached(target: Target): Promise<boolean>; stop(): Promise<void>;
  }): Subscription {
    const lagging = { consumer, topic, lag: () => reader.lag() };
    const watched = reader as PartitionReader<never>;
    const subscription = new ConsumerSubscription({ ...parts, lag: lagging.lag }, this.#house.clock, () => {
      this.#running.delete(subscription);
      this.#readers.delete(watched);
      this.#lag.remove(lagging);
    });
    this.#running.add(subscription);
    this.#readers.add(watched);
    this.#lag.add(lagging);
    return subscription;
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

/** Positions come from the database: with another one, new records would be taken for old ones and passed over. */
async function checkOrigin(sql: SqlPool, house: KafkaHouse): Promise<void> {
  const published = new Set((await sql.query<{ name: string }>('SELECT name FROM events.topic WHERE head > 0')).map(({ name }) => name));
  for (const { name } of PUBLISHED_TOPICS.filter((topic) => !published.has(topic.name))) {
    const ends = (await endsOf(house, name)).get(0);
    if (ends && ends.high > 0n) throw new ServiceError('failed_precondition', `The topic ${name} on Kafka holds records that this database did not publish: it belongs to another one.`);
  }
}
