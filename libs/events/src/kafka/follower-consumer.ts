import type { EachBatchPayload, KafkaMessage } from 'kafkajs';
import { fromBinary, type DescMessage } from '@bufbuild/protobuf';
import type { Ids } from '@sluice/clock';
import type { ServiceError } from '@sluice/errors';
import type { Sql } from '@sluice/sql';
import { TopicBeatSchema, type TopicBeat } from '@sluice/proto/events/v1/topic';
import type { Follower } from '../event-log.ts';
import { topicOf } from '../topic.ts';
import { numberHeader, textHeader } from './cloud-event.ts';
import type { Consuming } from './consumer-subscription.ts';
import { endsOf } from './cursors.ts';
import { TOPIC_BEAT_TOPIC } from './declared-topics.ts';
import { GroupReader, type KafkaHouse } from './group-reader.ts';
import { administer, toKafkaLogError } from './kafka-client.ts';
import { OWN_GROUPS } from './rights.ts';

/** A copy is of now: what was published before that it has, as far as the clocks of machines agree. */
const BEGIN_BEFORE_MS = 60_000;
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;

/** The end of what must have been read: a position where a database can be asked, else an offset. */
interface FollowTarget {
  readonly position: bigint;
  readonly offset: bigint;
}

/** Reads one topic into memory, with its beats, as the only member of a group that nobody else knows. */
export class FollowerConsumer<M extends DescMessage> implements Consuming<FollowTarget> {
  readonly #house: KafkaHouse;
  readonly #sql: Sql | undefined;
  readonly #schema: M;
  readonly #follower: Follower<M>;
  readonly #name: string;
  readonly #groupId: string;
  readonly #stop = Promise.withResolvers<void>();
  /** Before anything that waits for `#stop` hears of it: no reader is made once this is set. */
  #isStopped = false;
  #reader: GroupReader | undefined;
  #position: bigint;
  /** From where the topic is read next. */
  #nextOffset = 0n;
  #nextBeat = 0n;
  /** Read from the very beginning: what is missing now is not there. */
  #fromStart = false;
  /** The end of the topic, as far as its owners have said; and whether the last of them could not ask its database. */
  #promised = 0n;
  #beat: 'of now' | 'remembered' | undefined;
  #lag = 0;
  #refusal: ServiceError | undefined;

  constructor(house: KafkaHouse, ids: Pick<Ids, 'next'>, sql: Sql | undefined, schema: M, afterPosition: bigint, follower: Follower<M>) {
    this.#house = house;
    this.#sql = sql;
    this.#schema = schema;
    this.#position = afterPosition;
    this.#follower = follower;
    this.#name = topicOf(schema).name;
    this.#groupId = `${house.prefix}${ids.next(OWN_GROUPS.follow)}`;
    void this.#start();
  }

  lag(): number {
    return this.#lag;
  }

  /** What keeps it from reading, in a sentence; undefined while nothing does. */
  get fault(): string | undefined {
    const refusal = this.#reader?.refusal ?? this.#refusal;
    return refusal && `The copy of ${this.#name} is not kept up to date: ${refusal.message}`;
  }

  async target(): Promise<FollowTarget> {
    const offset = (await endsOf(this.#house, this.#name)).get(0)?.high ?? 0n;
    const [row] = (await this.#sql?.query<{ head: bigint }>('SELECT head FROM events.topic WHERE name = $1', [this.#name])) ?? [];
    return { position: row?.head ?? 0n, offset };
  }

  async reached({ position, offset }: FollowTarget): Promise<boolean> {
    return this.#reader !== undefined && this.#position >= position && this.#nextOffset >= offset;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#stop.resolve();
    await this.#reader?.stop();
  }

  /** Finds the beginning first, because the first batch must already be asked for from there. */
  async #start(): Promise<void> {
    for (let retryMs = FIRST_RETRY_MS; !this.#isStopped; retryMs = Math.min(retryMs * 2, MAX_RETRY_MS)) {
      try {
        this.#nextOffset = await this.#begin();
        this.#refusal = undefined;
        break;
      } catch (thrown) {
        const error = toKafkaLogError(thrown);
        if (error.code === 'failed_precondition') this.#refusal = error;
        const rest = Promise.withResolvers<void>();
        const timer = this.#house.clock.after(retryMs, rest.resolve);
        await Promise.race([rest.promise, this.#stop.promise]);
        timer.cancel();
      }
    }
    if (this.#isStopped) return;
    const [topic, beats] = [this.#house.prefix + this.#name, this.#house.prefix + TOPIC_BEAT_TOPIC.name];
    this.#reader = new GroupReader(this.#house, {
      name: `replica < ${this.#name}`, groupId: this.#groupId,
      topics: [{ topic, fromBeginning: true }, { topic: beats, fromBeginning: false }],
      onAssigned: () => {
        this.#reader?.seek(topic, 0, this.#nextOffset);
        this.#reader?.seek(beats, 0, this.#nextBeat);
      },
      onBatch: (payload) => this.#batch(payload, topic),
    });
  }

  /** The record in front of those that may be new: it tells whether anything between it and the copy is missing. */
  async #begin(): Promise<bigint> {
    const { clock, kafka, prefix } = this.#house;
    this.#nextBeat = (await endsOf(this.#house, TOPIC_BEAT_TOPIC.name)).get(0)?.high ?? 0n;
    const { low, high } = (await endsOf(this.#house, this.#name)).get(0) ?? { low: 0n, high: 0n };
    const [found] = await administer(kafka, (admin) => admin.fetchTopicOffsetsByTimestamp(prefix + this.#name, clock.wallMs() - BEGIN_BEFORE_MS));
    const since = BigInt(found?.offset ?? '-1');
    const begin = (since < 0n ? high : since) - 1n;
    this.#fromStart = begin <= low;
    return this.#fromStart ? low : begin;
  }

  async #batch({ batch, resolveOffset }: EachBatchPayload, topic: string): Promise<void> {
    if (batch.topic === topic) {
      for (const message of batch.messages) if (!this.#record(message, topic)) return;
      this.#lag = Number(BigInt(batch.highWatermark) - this.#nextOffset);
    } else {
      this.#hear(batch.messages);
      this.#nextBeat = BigInt(batch.lastOffset()) + 1n;
    }
    resolveOffset(batch.lastOffset());
    this.#tellBeat();
  }

  /** False when reading begins anew, from the oldest record. */
  #record({ offset, key, value, headers }: KafkaMessage, topic: string): boolean {
    const position = numberHeader(headers, 'ce_sequence');
    if (position !== undefined && position > this.#position + 1n && !this.#fromStart) {
      this.#fromStart = true;
      this.#nextOffset = 0n;
      this.#reader?.seek(topic, 0, 0n);
      return false;
    }
    if (position !== undefined && position > this.#position) {
      // What cannot be read is missing in the copy, which finds out by the next position and reads its owner.
      const message = this.#decode(value);
      if (message) this.#follower.onRecord({ position, key: key?.toString() ?? '', message });
      this.#position = position;
    }
    this.#nextOffset = BigInt(offset) + 1n;
    return true;
  }

  #decode(value: Buffer | null): ReturnType<typeof fromBinary<M>> | undefined {
    try {
      return fromBinary(this.#schema, value ?? Buffer.alloc(0));
    } catch {
      this.#house.logger.error({ topic: this.#name }, 'a record cannot be read');
      return undefined;
    }
  }

  /** Of several beats that come together only the newest speaks of now. */
  #hear(messages: readonly KafkaMessage[]): void {
    for (const { headers, value } of messages) {
      if (textHeader(headers, 'ce_partitionkey') !== this.#name || !value) continue;
      try {
        this.#promise(fromBinary(TopicBeatSchema, value));
      } catch {
        // Whoever wrote it is no owner; the next beat is a quarter of a second away.
        this.#house.logger.error({ topic: TOPIC_BEAT_TOPIC.name }, 'a record cannot be read');
      }
    }
  }

  /** An owner without its database knows of no end beyond its own; another one may have told of a later one before. */
  #promise({ headPosition, databaseAway }: TopicBeat): void {
    this.#promised = databaseAway && this.#promised > headPosition ? this.#promised : headPosition;
    this.#beat = databaseAway ? 'remembered' : 'of now';
  }

  #tellBeat(): void {
    if (this.#beat === undefined || this.#promised > this.#position) return;
    // Whoever has more than an owner remembers has all that anybody told of.
    this.#follower.onBeat(this.#beat === 'of now' ? this.#promised : this.#position);
    this.#beat = undefined;
  }
}
