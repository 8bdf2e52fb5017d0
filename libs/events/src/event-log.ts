import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { SqlTransaction } from '@sluice/sql';

/**
 * The house's log of events. Topics are declared beside their messages in `proto/events` (option `events.v1.topic`).
 *
 * Three ways in: `publish` inside a transaction of the owner's tables (outbox), `appendSegment` for the write-ahead
 * of the request path, `beat` for signs of life. Two ways out: `subscribe` with effects exactly once in PostgreSQL,
 * `follow` for replicas that keep state in memory only.
 *
 * A consumer is named `<schema>` or `<schema>.<purpose>` (`audit`, `billing.settlement`): a handler's transaction finds
 * the tables of that schema without a prefix, and cursors are kept by the whole name.
 */
export interface EventLog {
  /** Publishes with the transaction: seen by consumers if and only if it commits. Positions are dense and in commit order per topic. */
  publish<M extends DescMessage>(transaction: SqlTransaction, schema: M, key: string, message: MessageShape<M>): Promise<void>;

  /**
   * Position of the last published record of a topic, read in the given transaction; 0 for none.
   * For a snapshot read it before the state: what was published in between is then applied once more, never missed.
   */
  position(transaction: SqlTransaction, schema: DescMessage): Promise<bigint>;

  /**
   * Handles each record of a topic once: effects and cursor commit together. Records of one topic arrive in order.
   * A handler that throws is retried with back-off; a record that keeps failing (MAX_ATTEMPTS) is moved to the topic's
   * dead letters, and the rest goes on. With `neverSkips` it is retried for ever, and everything behind it waits.
   */
  subscribe<M extends DescMessage>(schema: M, consumer: string, handle: RecordHandler<M>, options?: SubscribeOptions): Subscription;

  /**
   * Every record after a position, for a copy in memory; never commits anything. Also tells how fresh the copy is:
   * `onBeat` runs with the topic's head whenever the owner gives a sign of life.
   */
  follow<M extends DescMessage>(schema: M, afterPosition: bigint, follower: Follower<M>): Subscription;

  /** A sign of life of a topic's owner, with the head position; not durable. */
  beat(schema: DescMessage): Promise<void>;

  /** False when a segment would be refused with `disk_full`, as far as is known without asking the log. */
  hasRoom(): boolean;

  /**
   * The name under which this process appends, for a process that is called `name`. Where nothing can keep an older process of
   * that name from writing it differs with each start, so that nobody takes an epoch from anybody else. `isSole`: whoever
   * started this process has seen the one before it end; what that one left open then need not be waited for.
   */
  producerName(name: string, isSole?: boolean): string;

  /**
   * Makes a new epoch of a producer, above all before it, and closes an older one that is still open: what is appended to
   * that counts no more.
   */
  takeEpoch(producer: string): Promise<bigint>;

  /** Renews a producer's lease in the log. Fails with `epoch_lost` when the epoch is closed, as soon as this process has heard of it. */
  renewEpoch(producer: string, epoch: bigint): Promise<void>;

  /**
   * Appends a segment; resolves when it is durable. Appending the same bytes again under the same identity succeeds.
   * What lies behind the close of its epoch is never handed over as a `segment`: the log either refuses it (`epoch_lost`),
   * or takes it and hands it over as `late`. An epoch that was taken under this process's `producerName` is closed by nobody
   * else while its lease lasts, so what a producer releases under its lease is never late.
   * Fails with `epoch_lost` when the epoch is known to be closed, `disk_full` when there is no room,
   * `audit_log_unavailable` when the fate is unknown or the log is away.
   */
  appendSegment(segment: StoredSegment): Promise<void>;

  /** Closes an epoch whose producer is silent, behind its last segment. False when it is known to be closed already; closing again changes nothing. */
  closeEpoch(producer: string, epoch: bigint): Promise<boolean>;

  /**
   * Producers with an open epoch and how long ago each gave its last sign of life. That is never longer than the log could
   * be heard, and where signs travel as records, never longer than this process has listened: since its first such call.
   */
  openEpochs(): Promise<OpenEpoch[]>;

  /**
   * Hands over segments and closes in the order of each producer, each exactly once: the cursor `(epoch, next_seq)`
   * commits with the handler's effects. Batches hold at most MAX_BATCH_BYTES.
   */
  subscribeSegments(consumer: string, handle: SegmentHandler, options?: ConsumerOptions): Subscription;

  /**
   * Says who has a right that one process at a time may have, in a place that is there when the database is not. Absent
   * where the log lies in that database, and one is away with the other.
   */
  readonly witness?: (right: string) => Witness;

  /** Removes what every named consumer has read and whose retention is over. */
  prune(nowMs: number): Promise<void>;
}

/** One right, as one process says and hears of it. */
export interface Witness {
  /**
   * Says that the right is held by this term, and resolves when all that was said before is heard: true when it was no
   * higher term. Terms are given by whoever decides who has the right; each taking has a higher one. Rejects with
   * `audit_log_unavailable` when the log does not answer in time: then what was said may be in the log, and nothing is known.
   */
  holds(term: bigint): Promise<boolean>;
  stop(): Promise<void>;
}

/** Records that a consumer could not handle. */
export interface DeadLetters {
  /** The oldest first, at most 1000. */
  deadLetters(schema: DescMessage, consumer: string): Promise<DeadLetter[]>;
  /** Gives all of them to the running consumer again, in order; how many. One that fails again stays a dead letter. */
  replayDeadLetters(schema: DescMessage, consumer: string): Promise<number>;
}

export interface DeadLetter {
  readonly position: bigint;
  readonly key: string;
  /** Code of libs/errors of the last failure. */
  readonly code: string;
  readonly attempts: number;
  readonly failedAtMs: number;
}

export interface StoredSegment {
  readonly producer: string;
  readonly epoch: bigint;
  readonly seq: bigint;
  readonly bytes: Uint8Array;
}

export interface OpenEpoch {
  readonly producer: string;
  readonly epoch: bigint;
  readonly silentMs: number;
  /** A later run of the same process is there, and is known to be the only one: nobody holds this epoch any more. */
  readonly isReplaced: boolean;
}

/** What a producer's stream holds: a segment, or the end of an epoch. */
export type SegmentEntry =
  | { readonly kind: 'segment'; readonly segment: StoredSegment }
  /** Arrived behind the close: was never released. */
  | { readonly kind: 'late'; readonly segment: StoredSegment }
  /**
   * `seq`: its place behind the epoch's last segment, so the number of segments. `preceding`: the producer's epoch before
   * this one (0 for none), where that is not simply the number before: epochs rise, but not always by one.
   */
  | { readonly kind: 'closed'; readonly producer: string; readonly epoch: bigint; readonly seq: bigint; readonly preceding?: bigint };

export type SegmentHandler = (transaction: SqlTransaction, entries: readonly SegmentEntry[]) => Promise<void>;

export interface EventRecord<M extends DescMessage> {
  readonly position: bigint;
  readonly key: string;
  readonly message: MessageShape<M>;
}

export interface ConsumerOptions {
  /**
   * One process at a time has this consumer, and something else says which: it does not wait until the log has noticed the
   * death of the one before. Two at once would take each other's work, and still do each thing once.
   */
  readonly isSole?: boolean;
}

export interface SubscribeOptions extends ConsumerOptions {
  /** For a consumer to whom a gap is worse than a delay. */
  readonly neverSkips?: boolean;
}

export type RecordHandler<M extends DescMessage> = (transaction: SqlTransaction, record: EventRecord<M>) => Promise<void>;

export interface Follower<M extends DescMessage> {
  onRecord(record: EventRecord<M>): void;
  /** `headPosition` is the last position the owner has published. */
  onBeat(headPosition: bigint): void;
}

/** A running reader. `stop` resolves when no handler runs any more. */
export interface Subscription {
  stop(): Promise<void>;
  /** Resolves when everything that was in the log at the time of the call has been handled. For tests and for draining. */
  caughtUp(): Promise<void>;
  /** Records (or segments) in the log that are not handled yet, as last seen. */
  lag(): number;
}
