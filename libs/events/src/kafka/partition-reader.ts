import type { EachBatchPayload, KafkaMessage } from 'kafkajs';
import { ServiceError } from '@sluice/errors';
import { SqlError, type Sql } from '@sluice/sql';
import { claim, FencedError, type Claim } from './cursors.ts';
import { GroupReader, type GroupReaderOptions, type KafkaHouse } from './group-reader.ts';
import { ReadingProgress, type FailedStep } from './reading-progress.ts';

/** What is done with the records of a partition. */
export interface PartitionWork<State> {
  /** The state of a new assignment. */
  begin(held: Claim): State;
  /** Handles records and moves the cursor on with their effects. What throws is tried again from the cursor, later and later. */
  take(state: State, messages: readonly KafkaMessage[], pulse: Pulse): Promise<void>;
  /** The offset in front of which everything was handled, when everything in front of this one was read. */
  handledUpTo(state: State, readUpTo: bigint): bigint;
  /** What keeps it from handling what was read, in a sentence. */
  readonly fault?: string | undefined;
}

/** Between two transactions. */
export interface Pulse {
  /** Keeps the membership; throws when the partition is about to go to somebody else. */
  beat(): Promise<void>;
  readonly isRunning: boolean;
}

export interface PartitionReaderOptions extends Pick<GroupReaderOptions, 'minBytes' | 'maxWaitMs'> {
  /** By this name cursors are kept. */
  readonly consumer: string;
  /** Without the prefix. */
  readonly topic: string;
  /** Only this process has the consumer: the name of a group of its own, which waits for no member that died. */
  readonly soleGroup?: string | undefined;
}

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 5_000;
/** Two members that both believe to have a partition take it over from each other no faster than this. */
const FENCED_RETRY_MS = 1_000;
/** Kafka answers a question for an offset that it has not with another one: the second time it is no coincidence. */
const MISPLACED_LIMIT = 3;

interface Place<State> {
  readonly state: State;
  /** From where the next batch must have been asked for. */
  fetchFrom: bigint;
  misplaced: number;
}

/**
 * Reads a topic for one consumer, from the cursors in the database: Kafka's own offsets are hints. An assignment takes
 * its partitions over in the database before anything of them is handled, and what fails is read again from there.
 */
export class PartitionReader<State> {
  readonly #house: KafkaHouse;
  readonly #sql: Sql;
  readonly #options: PartitionReaderOptions;
  readonly #work: PartitionWork<State>;
  readonly #group: GroupReader;
  readonly #places = new Map<number, Promise<Place<State>>>();
  readonly #failures = new Map<number, number>();
  readonly progress: ReadingProgress;
  /** Counts assignments: what was planned in an older one is not done. */
  #assignment = 0;
  #handling: Promise<void> = Promise.resolve();
  /** Why reading fails now. */
  readonly #said = new Set<string>();

  constructor(house: KafkaHouse, sql: Sql, options: PartitionReaderOptions, work: PartitionWork<State>) {
    this.#house = house;
    this.#sql = sql;
    this.#options = options;
    this.#work = work;
    this.progress = new ReadingProgress(house.clock);
    const { consumer, topic, soleGroup, ...fetch } = options;
    this.#group = new GroupReader(house, {
      ...fetch,
      name: this.name,
      groupId: soleGroup === undefined ? `${house.prefix}${consumer}.${topic}` : `${house.prefix}${soleGroup}`,
      topics: [{ topic: house.prefix + topic, fromBeginning: true }],
      onAssigned: (partitions) => this.#assigned(partitions[house.prefix + topic] ?? []),
      onBatch: (payload) => this.#batch(payload),
    });
  }

  get name(): string {
    return `${this.#options.consumer} < ${this.#options.topic}`;
  }

  /** Without the prefix. */
  get topic(): string {
    return this.#options.topic;
  }

  /** What keeps it from going on, in a sentence; undefined while nothing does. */
  get fault(): string | undefined {
    if (this.#group.stuck !== undefined) return `${this.name} has a batch that does not end; its process has to be started again.`;
    if (this.#group.refusal) return `${this.name} reads nothing: ${this.#group.refusal.message}`;
    if (this.#group.isOutside) return `${this.name} is in no group of Kafka and reads nothing.`;
    // What it saw of a partition that others read now says nothing of it.
    const fault = this.progress.fault ?? (this.#places.size > 0 ? this.#work.fault : undefined);
    return fault && `${this.name} does not go on: ${fault}`;
  }

  /** Resolves when what was done with the batch under way is seen in `progress`. */
  async settled(): Promise<void> {
    await this.#handling.catch(() => undefined);
  }

  /** Its cursor was moved by somebody else: takes what is assigned here over anew, and goes on from there. */
  reclaim(): void {
    if (this.#places.size > 0 && !this.#group.isStopped) void this.#claim([...this.#places.keys()]);
  }

  async stop(): Promise<void> {
    await this.#group.stop();
  }

  #assigned(partitions: readonly number[]): void {
    this.#assignment++;
    this.#places.clear();
    this.#failures.clear();
    this.progress.assigned(partitions);
    if (partitions.length > 0) void this.#claim(partitions);
  }

  /** Until they are taken over, or assigned anew: also a partition in which nothing comes must have its cursor. */
  async #claim(partitions: readonly number[]): Promise<void> {
    const claiming = claim(this.#sql, this.#house, this.#options.consumer, this.#options.topic, partitions);
    const places = new Map(partitions.map((partition) => [partition, claiming.then((held): Place<State> => this.#placeOf(held.find((one) => one.partition === partition)))]));
    for (const [partition, place] of places) {
      place.catch(() => undefined);
      this.#places.set(partition, place);
    }
    const current = (): number[] => partitions.filter((partition) => this.#places.get(partition) === places.get(partition));
    try {
      await claiming;
      for (const partition of current()) this.progress.succeeded(partition, 'claim');
      for (const partition of current()) this.#group.seek(this.#house.prefix + this.#options.topic, partition, (await places.get(partition)!).fetchFrom);
    } catch (thrown) {
      if (current().length === 0 || this.#group.isStopped) return;
      this.#house.clock.after(this.#failed(current()[0]!, 'claim', thrown), () => {
        if (current().length > 0 && !this.#group.isStopped) void this.#claim(current());
      });
    }
  }

  #placeOf(held: Claim | undefined): Place<State> {
    if (!held) throw new ServiceError('internal', 'A cursor went while it was taken over.');
    return { state: this.#work.begin(held), fetchFrom: held.nextOffset, misplaced: 0 };
  }

  #batch(payload: EachBatchPayload): Promise<void> {
    this.#handling = this.#handleBatch(payload);
    return this.#handling;
  }

  async #handleBatch({ batch, resolveOffset, heartbeat, isRunning, isStale }: EachBatchPayload): Promise<void> {
    const { partition, messages, highWatermark } = batch;
    const place = await this.#places.get(partition)?.catch(() => undefined);
    // What was asked for before the cursor was known is asked for again from there; so is what waits for the database.
    if (!place) return this.#group.rest(batch.topic, partition, FIRST_RETRY_MS);
    if (isStale() || !isRunning()) return;
    if (!this.#isPlaced(batch as typeof batch & FetchedBatch, place)) return;
    const next = BigInt(batch.lastOffset()) + 1n;
    let interrupted: unknown;
    let handled = next;
    try {
      this.progress.read(partition, BigInt(highWatermark), this.#work.handledUpTo(place.state, place.fetchFrom));
      const beat = (): Promise<void> => heartbeat().catch((thrown: unknown) => { interrupted = thrown; throw thrown; });
      await this.#work.take(place.state, messages, { beat, get isRunning() { return isRunning() && !isStale(); } });
      // It broke off, and what is left is read again.
      if (!isRunning() || isStale()) return;
      place.fetchFrom = next;
      handled = this.#work.handledUpTo(place.state, next);
      this.progress.read(partition, BigInt(highWatermark), handled);
    } catch (thrown) {
      if (interrupted !== undefined) throw interrupted;
      this.#again(batch.topic, partition, thrown);
      return;
    }
    this.#succeeded(partition);
    resolveOffset(batch.lastOffset());
    // A group of one's own ends with the process; what Kafka's tools show is that of the others.
    if (this.#options.soleGroup === undefined) this.#group.commit(batch.topic, partition, handled);
  }

  /** Kafka's client says in `fetchedOffset` from where it asked; its types do not. */
  #isPlaced({ topic, partition, fetchedOffset }: FetchedBatch, place: Place<State>): boolean {
    if (BigInt(fetchedOffset) === place.fetchFrom) {
      place.misplaced = 0;
      return true;
    }
    if (++place.misplaced >= MISPLACED_LIMIT) {
      place.misplaced = 0;
      this.#again(topic, partition, new ServiceError('failed_precondition', `Kafka has not the offset ${place.fetchFrom} of ${topic}/${partition}: what this consumer has not read is gone, or the database is of another cluster.`));
      return false;
    }
    this.#group.seek(topic, partition, place.fetchFrom);
    return false;
  }

  /** From the cursor, after a while. */
  #again(topic: string, partition: number, thrown: unknown): void {
    const retryMs = this.#failed(partition, 'batch', thrown);
    const assignment = this.#assignment;
    this.#places.delete(partition);
    this.#group.rest(topic, partition, retryMs);
    this.#house.clock.after(retryMs, () => {
      if (assignment === this.#assignment && !this.#group.isStopped) void this.#claim([partition]);
    });
  }

  #failed(partition: number, step: FailedStep, thrown: unknown): number {
    const failures = this.#failures.get(partition) ?? 0;
    this.#failures.set(partition, failures + 1);
    const isFenced = thrown instanceof FencedError;
    const retryMs = isFenced ? FENCED_RETRY_MS : Math.min(FIRST_RETRY_MS * 2 ** Math.min(failures, 10), MAX_RETRY_MS);
    const code = isFenced ? 'fenced' : thrown instanceof SqlError ? thrown.kind : ServiceError.from(thrown).code;
    const isSaid = this.#said.has(code);
    this.#said.add(code);
    // Of a stranger's error only its kind: its text may quote what was being handled.
    const error = thrown instanceof ServiceError || thrown instanceof SqlError ? thrown : undefined;
    this.progress.failed(partition, step, error instanceof ServiceError ? error.message : code);
    this.#house.logger[isSaid || isFenced ? 'debug' : 'warn']({ reader: this.name, partition, retryMs, code, error }, 'reading events failed');
    return retryMs;
  }

  /** As loud as what it ends. */
  #succeeded(partition: number): void {
    this.#failures.delete(partition);
    this.progress.succeeded(partition, 'batch');
    if (this.#said.size > 0 && this.#failures.size === 0) {
      this.#house.logger.warn({ reader: this.name }, 'events are read again');
      this.#said.clear();
    }
  }
}

interface FetchedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly fetchedOffset: string;
}
