import type { EachBatchPayload, KafkaMessage } from 'kafkajs';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Ids } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { ProducerBeatSchema } from '@sluice/proto/events/v1/calls';
import type { AckedProducer } from './acked-producer.ts';
import { headersOf, textHeader } from './cloud-event.ts';
import { PRODUCER_BEAT_TOPIC } from './declared-topics.ts';
import { GroupReader, type KafkaHouse } from './group-reader.ts';
import { OWN_GROUPS } from './rights.ts';

/** A reader that has not come to the end of the beats for so long does not know who was silent meanwhile. */
const BLIND_AFTER_MS = 10_000;
const PROBE_DEADLINE_MS = 8_000;
const PROBE_AGAIN_MS = 500;
const PROBE = 'events.v1.BeatProbe';
const HEARD_LIMIT = 10_000;

/** Between the name of a process and that of its run. No name has it in it. */
export const RUN_MARK = '.';

export interface BeatOfProducer {
  readonly producer: string;
  readonly epoch: bigint;
  readonly nextSeq: bigint;
  readonly closed: boolean;
  /** No earlier run of this process goes on. */
  readonly sole: boolean;
}

interface Heard {
  readonly epoch: bigint;
  readonly closed: boolean;
  readonly atMs: number;
  /** Since when this run says that it is the only one of its process. */
  readonly soleSinceMs: number | undefined;
}

/**
 * The topic of beats, written and read. A producer hears there that its epoch was taken from it, and whoever watches over
 * producers hears them: what it knows is as new as its last probe, a record of its own that it sends and waits to read.
 */
export class ProducerBeats {
  readonly #house: KafkaHouse;
  readonly #producer: AckedProducer;
  readonly #self: string;
  readonly #heard = new Map<string, Heard>();
  readonly #probes = new Map<string, () => void>();
  #reader: GroupReader | undefined;
  #joined = Promise.withResolvers<void>();
  #probeCount = 0;
  #currentSinceMs = Infinity;
  #probedAtMs = -Infinity;

  constructor(house: KafkaHouse, producer: AckedProducer, ids: Pick<Ids, 'next'>) {
    this.#house = house;
    this.#producer = producer;
    this.#self = ids.next(OWN_GROUPS.beats);
  }

  /** Resolves when the beat is in the log. The end of an epoch is known here from then on. */
  async send({ producer, epoch, nextSeq, closed, sole }: BeatOfProducer): Promise<void> {
    if (closed) this.#note({ producer, epoch, closed, sole });
    const timeMs = this.#house.clock.wallMs();
    const value = Buffer.from(toBinary(ProducerBeatSchema, create(ProducerBeatSchema, { producer, epoch, nextSeq, closed, sole })));
    const headers = headersOf({ id: `${epoch}/${timeMs}`, source: `/producers/${encodeURIComponent(producer)}`, type: ProducerBeatSchema.typeName, timeMs, partitionKey: producer, sequence: undefined });
    await this.#producer.send(this.#topic, [{ key: producer, value, headers }]);
  }

  /** Begins to listen; what was said before is not heard. */
  listen(): void {
    this.#reader ??= new GroupReader(this.#house, {
      name: 'producer beats', groupId: `${this.#house.prefix}${this.#self}`, topics: [{ topic: this.#topic, fromBeginning: false }],
      onAssigned: () => {
        // What was said before is not read.
        this.#currentSinceMs = this.#house.clock.monotonicMs();
        this.#joined.resolve();
      },
      onBatch: (payload) => this.#batch(payload),
    });
  }

  /** True when the log says that this epoch is over, as far as it was heard. */
  isOver(producer: string, epoch: bigint): boolean {
    const heard = this.#heard.get(producer);
    return heard !== undefined && (heard.epoch > epoch || (heard.epoch === epoch && heard.closed));
  }

  /** The newest epoch of each producer that was heard. */
  epochs(): { producer: string; epoch: bigint; closed: boolean }[] {
    return [...this.#heard].map(([producer, { epoch, closed }]) => ({ producer, epoch, closed }));
  }

  /**
   * How long a producer has been silent in an epoch that is open, as of the last `catchUp`; never longer than this reader has
   * been up to date. An epoch of which nothing was heard yet may have been opened after that, its first beat on the way: it
   * counts from now on.
   */
  silentMs(producer: string, epoch: bigint): number {
    if (this.#heard.get(producer)?.epoch !== epoch) this.#note({ producer, epoch, closed: false, sole: false });
    const heard = this.#heard.get(producer);
    return heard ? Math.max(0, this.#probedAtMs - Math.max(heard.atMs, this.#currentSinceMs)) : 0;
  }

  /** True when a later run of the producer's process is there and says that it is the only one, and nothing was heard of this one since. */
  isReplaced(producer: string): boolean {
    // Of whom nothing was heard at all may have begun a moment ago.
    const lastMs = this.#heard.get(producer)?.atMs ?? Infinity;
    const processOf = (run: string): string => run.slice(0, run.lastIndexOf(RUN_MARK) + 1);
    return [...this.#heard].some(([other, { soleSinceMs = -Infinity }]) => other !== producer && processOf(other) === processOf(producer) && soleSinceMs > lastMs);
  }

  /** Reads everything that was acknowledged before the call. Fails with `audit_log_unavailable` when that takes too long. */
  async catchUp(): Promise<void> {
    this.listen();
    const late = Promise.withResolvers<never>();
    const timer = this.#house.clock.after(PROBE_DEADLINE_MS, () => late.reject(this.#reader?.refusal ?? new ServiceError('audit_log_unavailable', 'The event log does not answer.')));
    const probe = `${this.#self}/${this.#probeCount++}`;
    const read = Promise.withResolvers<void>();
    try {
      await Promise.race([this.#joined.promise, late.promise]);
      this.#probes.set(probe, read.resolve);
      const askedAtMs = this.#house.clock.monotonicMs();
      await Promise.race([this.#probeUntil(read.promise, probe), late.promise]);
      // Nobody could be heard since the last time, or this process stood still.
      if (askedAtMs - this.#probedAtMs > BLIND_AFTER_MS) this.#currentSinceMs = askedAtMs;
      this.#probedAtMs = askedAtMs;
    } finally {
      timer.cancel();
      this.#probes.delete(probe);
    }
  }

  async stop(): Promise<void> {
    await this.#reader?.stop();
  }

  /** Again and again: a reader that has just joined looks for the end of the topic only then, and may find it behind the probe. */
  async #probeUntil(read: Promise<void>, probe: string): Promise<void> {
    let isRead = false;
    void read.then(() => { isRead = true; });
    while (!isRead && this.#probes.has(probe)) {
      const timeMs = this.#house.clock.wallMs();
      const headers = headersOf({ id: probe, source: `/readers/${this.#self}`, type: PROBE, timeMs, partitionKey: this.#self, sequence: undefined });
      // Without a value: who takes it for a beat passes it over.
      await this.#producer.send(this.#topic, [{ key: this.#self, value: null, headers }]);
      const rest = Promise.withResolvers<void>();
      const timer = this.#house.clock.after(PROBE_AGAIN_MS, rest.resolve);
      await Promise.race([read, rest.promise]);
      timer.cancel();
    }
  }

  get #topic(): string {
    return this.#house.prefix + PRODUCER_BEAT_TOPIC.name;
  }

  async #batch({ batch, resolveOffset }: EachBatchPayload): Promise<void> {
    for (const message of batch.messages) this.#hear(message);
    resolveOffset(batch.lastOffset());
  }

  #hear({ value, headers }: KafkaMessage): void {
    if (textHeader(headers, 'ce_type') === PROBE) return this.#probes.get(textHeader(headers, 'ce_id') ?? '')?.();
    if (!value) return;
    try {
      this.#note(fromBinary(ProducerBeatSchema, value));
    } catch {
      this.#house.logger.error({ topic: PRODUCER_BEAT_TOPIC.name }, 'a beat that Sluice did not write is passed over');
    }
  }

  #note({ producer, epoch, closed, sole }: Omit<BeatOfProducer, 'nextSeq'>): void {
    // A beat that was overtaken, or the beat of an epoch that is over.
    if (this.isOver(producer, epoch)) return;
    const atMs = this.#house.clock.monotonicMs();
    const soleSinceMs = this.#heard.get(producer)?.soleSinceMs ?? (sole ? atMs : undefined);
    this.#heard.delete(producer);
    this.#heard.set(producer, { epoch, closed, atMs, soleSinceMs });
    // The longest silent go first; whoever they are, the database knows their epochs.
    for (const oldest of this.#heard.keys()) {
      if (this.#heard.size <= HEARD_LIMIT) return;
      this.#heard.delete(oldest);
    }
  }
}
