import type { Ids } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { Sql } from '@sluice/sql';
import type { OpenEpoch, StoredSegment } from '../event-log.ts';
import { epochLost } from '../postgres/epochs.ts';
import { MAX_SEGMENT_BYTES } from '../postgres/segment-writer.ts';
import type { AckedProducer } from './acked-producer.ts';
import { SEGMENT_TOPIC } from './declared-topics.ts';
import { newestEpochs } from './epochs-sql.ts';
import type { KafkaHouse } from './group-reader.ts';
import { RUN_MARK, type ProducerBeats } from './producer-beats.ts';
import { closedMessage, epochAt, openedMessage, segmentMessage } from './segment-record.ts';

export interface ProducerEpochsDependencies {
  readonly house: KafkaHouse;
  /** For segments alone: nothing waits in front of them. */
  readonly segments: AckedProducer;
  readonly control: AckedProducer;
  readonly beats: ProducerBeats;
  readonly ids: Pick<Ids, 'next'>;
  /** Of a process that watches over producers. */
  readonly sql: Sql | undefined;
}

/** What this process has written of a producer's epoch. */
interface Written {
  readonly epoch: bigint;
  nextSeq: bigint;
  last: Uint8Array | undefined;
}

/**
 * Epochs and segments of producers, without a database. An epoch is opened by a record in the topic of segments and has
 * that record's place as its number, so the order of the log decides which one is the newest, and every reader decides alike.
 */
export class ProducerEpochs {
  readonly #from: ProducerEpochsDependencies;
  readonly #topic: string;
  readonly #taker: string;
  readonly #written = new Map<string, Written>();
  readonly #sole = new Set<string>();
  #takes = 0n;

  constructor(from: ProducerEpochsDependencies) {
    this.#from = from;
    this.#topic = from.house.prefix + SEGMENT_TOPIC.name;
    this.#taker = from.ids.next('run');
  }

  /** Kafka refuses nobody who writes under a name that is another's by now; so no other process ever has this one. */
  producerName(name: string, isSole = false): string {
    const producer = `${name}${RUN_MARK}${this.#taker}`;
    if (isSole) this.#sole.add(producer);
    return producer;
  }

  /** One attempt: should it come to the log behind a later one, readers pass it over. */
  async take(producer: string): Promise<bigint> {
    const { house, control, beats } = this.#from;
    beats.listen();
    const message = openedMessage(producer, { taker: this.#taker, take: ++this.#takes }, house.clock.wallMs());
    const epoch = epochAt((await control.send(this.#topic, [message])).offset);
    this.#written.set(producer, { epoch, nextSeq: 0n, last: undefined });
    // Whoever holds the one before hears it; the log is what counts, so it may be lost.
    await this.#tell(producer, epoch, false).catch(() => undefined);
    return epoch;
  }

  async renew(producer: string, epoch: bigint): Promise<void> {
    if (this.#from.beats.isOver(producer, epoch)) throw epochLost();
    await this.#tell(producer, epoch, false);
  }

  async append(segment: StoredSegment): Promise<void> {
    const { producer, epoch, seq, bytes } = segment;
    if (bytes.length > MAX_SEGMENT_BYTES) throw new ServiceError('internal', `A segment holds at most ${MAX_SEGMENT_BYTES} bytes.`);
    if (this.#from.beats.isOver(producer, epoch)) throw epochLost();
    const written = this.#written.get(producer);
    if (written?.epoch !== epoch) return this.#send(segment);
    if (seq > written.nextSeq) throw new ServiceError('internal', 'A segment is missing in front of this one.');
    if (seq === written.nextSeq - 1n && written.last) {
      if (Buffer.compare(written.last, bytes) !== 0) throw new ServiceError('internal', 'Another segment has this identity.');
      return;
    }
    await this.#send(segment);
    if (seq !== written.nextSeq) return;
    written.nextSeq = seq + 1n;
    written.last = bytes;
  }

  async close(producer: string, epoch: bigint): Promise<boolean> {
    const { house, control, beats, sql } = this.#from;
    if (beats.isOver(producer, epoch)) return false;
    const newest = (sql && (await newestEpochs(sql)))?.find((one) => one.producer === producer);
    if (newest && (newest.epoch > epoch || (newest.epoch === epoch && newest.closed))) return false;
    const written = this.#written.get(producer);
    const segments = written?.epoch === epoch ? written.nextSeq : undefined;
    await control.send(this.#topic, [closedMessage(producer, epoch, segments, house.clock.wallMs())]);
    await this.#tell(producer, epoch, true).catch(() => undefined);
    return true;
  }

  /** Those that consumers have seen, and those that were heard since. */
  async open(): Promise<OpenEpoch[]> {
    const { beats, sql } = this.#from;
    if (!sql) throw new ServiceError('internal', 'Without a database nobody watches over producers.');
    await beats.catchUp();
    const newest = new Map((await newestEpochs(sql)).map((one) => [one.producer, one]));
    for (const heard of beats.epochs()) {
      const seen = newest.get(heard.producer);
      if (!seen || heard.epoch > seen.epoch || (heard.epoch === seen.epoch && heard.closed)) newest.set(heard.producer, heard);
    }
    return [...newest.values()].filter(({ closed }) => !closed).map(({ producer, epoch }) => ({ producer, epoch, silentMs: beats.silentMs(producer, epoch), isReplaced: beats.isReplaced(producer) }));
  }

  async #send(segment: StoredSegment): Promise<void> {
    await this.#from.segments.send(this.#topic, [segmentMessage(segment, this.#from.house.clock.wallMs())]);
  }

  async #tell(producer: string, epoch: bigint, closed: boolean): Promise<void> {
    const written = this.#written.get(producer);
    await this.#from.beats.send({ producer, epoch, nextSeq: written?.epoch === epoch ? written.nextSeq : 0n, closed, sole: this.#sole.has(producer) });
  }
}
