import { create, toBinary, type DescMessage } from '@bufbuild/protobuf';
import { TopicBeatSchema } from '@sluice/proto/events/v1/topic';
import type { Sql } from '@sluice/sql';
import type { Published } from '../postgres/topic-writer.ts';
import { topicOf } from '../topic.ts';
import { LEADER, type AckedProducer } from './acked-producer.ts';
import { headersOf, topicSource } from './cloud-event.ts';
import { TOPIC_BEAT_TOPIC } from './declared-topics.ts';
import type { KafkaHouse } from './group-reader.ts';

/** A replica that hears nothing for a second counts as old: a database that is frozen must not keep the beats from it. */
const ANSWER_LIMIT_MS = 250;

interface Head {
  readonly position: bigint;
  /** The database did not say so now: it is the last that it said, or what this process may have published since. */
  readonly isRemembered: boolean;
}

interface Topic {
  /** Undefined until the database has said it once. */
  known: bigint | undefined;
  /** Published here, and not yet known to be over. */
  pending: Published[];
  asking: Promise<void> | undefined;
  isLate: boolean;
}

/**
 * The heads of topics, for beats. While the database is away nothing can be published through it, so what this process
 * knew last is still all that it knows of; what it may have published itself, in a transaction whose end it did not
 * see, counts as published: a copy that has not got that is not told that it is up to date.
 */
export class TopicHeads {
  readonly #house: KafkaHouse;
  readonly #sql: Sql;
  readonly #topics = new Map<string, Topic>();

  constructor(house: KafkaHouse, sql: Sql) {
    this.#house = house;
    this.#sql = sql;
  }

  /** To be told of everything that this process publishes, before its transaction ends; what nobody beats is not kept. */
  published(record: Published): void {
    this.#topics.get(record.topic)?.pending.push(record);
  }

  /** A beat that is lost is no loss, so it waits for the leader alone. Fails as long as the database has never said where the topic ends. */
  async beat(producer: AckedProducer, schema: DescMessage): Promise<void> {
    const topic = topicOf(schema).name;
    const { position, isRemembered } = await this.#head(topic);
    const timeMs = this.#house.clock.wallMs();
    const value = Buffer.from(toBinary(TopicBeatSchema, create(TopicBeatSchema, { topic, headPosition: position, databaseAway: isRemembered })));
    const headers = headersOf({ id: `${position}/${timeMs}`, source: topicSource(topic), type: TopicBeatSchema.typeName, timeMs, partitionKey: topic, sequence: undefined });
    await producer.send(this.#house.prefix + TOPIC_BEAT_TOPIC.name, [{ key: topic, value, headers }], LEADER);
  }

  /** What an operator should know; undefined while the database answers. */
  get fault(): string | undefined {
    const isAway = [...this.#topics.values()].some(({ isLate }) => isLate);
    return isAway ? 'The database does not answer: nothing can be changed, and what was published last is taken for the end.' : undefined;
  }

  async #head(name: string): Promise<Head> {
    const topic = this.#topics.get(name) ?? { known: undefined, pending: [], asking: undefined, isLate: false };
    this.#topics.set(name, topic);
    if (topic.known === undefined) await this.#ask(name, topic);
    // One question at a time: those that a frozen server does not answer would take every connection.
    topic.asking ??= this.#ask(name, topic).then(() => { topic.isLate = false; }, () => { topic.isLate = true; }).finally(() => { topic.asking = undefined; });
    if (!topic.isLate) await this.#within(topic.asking, () => { topic.isLate = true; });
    const known = topic.known ?? 0n;
    if (!topic.isLate) return { position: known, isRemembered: false };
    return { position: topic.pending.reduce((head, { position }) => (position > head ? position : head), known), isRemembered: true };
  }

  async #ask(name: string, topic: Topic): Promise<void> {
    const [row] = await this.#sql.query<{ head: bigint | null; settled: string }>(HEAD, [name]);
    topic.known = row?.head ?? 0n;
    const settled = BigInt(row!.settled);
    // What ended before the question is in the answer, or was rolled back.
    topic.pending = topic.pending.filter(({ xid }) => xid >= settled);
  }

  async #within(answered: Promise<void>, onLate: () => void): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = this.#house.clock.after(ANSWER_LIMIT_MS, () => {
      onLate();
      late.resolve();
    });
    await Promise.race([answered, late.promise]);
    timer.cancel();
  }
}

/** `settled`: every transaction below it is over, and seen by this statement if it was committed. */
const HEAD = {
  name: 'events_head',
  text: 'SELECT (SELECT head FROM events.topic WHERE name = $1) AS head, pg_snapshot_xmin(pg_current_snapshot())::text AS settled',
} as const;
