import type { Consumer, EachBatchPayload } from 'kafkajs';
import type { Clock, Timer } from '@sluice/clock';
import type { ServiceError } from '@sluice/errors';
import type { Logger } from '@sluice/telemetry';
import { toConsumerError, type KafkaClient } from './kafka-client.ts';

/** What every part of this adapter stands on. */
export interface KafkaHouse {
  readonly kafka: KafkaClient;
  /** In front of every name of a topic and of a group. */
  readonly prefix: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface GroupReaderOptions {
  /** For the log. */
  readonly name: string;
  readonly groupId: string;
  /** With their prefix. `fromBeginning`: where to begin when nobody says otherwise in `onAssigned`. */
  readonly topics: readonly { readonly topic: string; readonly fromBeginning: boolean }[];
  /** A batch is waited for until it has so many bytes, but no longer than `maxWaitMs`. */
  readonly minBytes?: number;
  readonly maxWaitMs?: number;
  /** Runs before the first batch of the assignment is asked for: `seek` what should not begin where it would. */
  readonly onAssigned: (partitions: Readonly<Record<string, readonly number[]>>) => void;
  /** Must not throw, except what `heartbeat` throws. */
  readonly onBatch: (payload: EachBatchPayload) => Promise<void>;
  /** Kafka does not let this process join or read. It is tried again all the same: rights can be given. */
  readonly onRefused?: (refusal: ServiceError) => void;
}

const MAX_WAIT_MS = 500;
const MAX_BYTES_PER_PARTITION = 4 * 1024 * 1024;
/** After a restart of its coordinator a group waits so long for members that it believes to have. */
const SESSION_TIMEOUT_MS = 8_000;
const HEARTBEAT_MS = 2_000;
const REBALANCE_TIMEOUT_MS = 15_000;
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;
/** No batch takes so long: each of its statements has a shorter limit. */
const STUCK_AFTER_MS = 60_000;
/** Twice what its members may take to come together. */
const OUTSIDE_AFTER_MS = 30_000;

/** A member of a consumer group, for as long as it is not stopped: what the driver gives up is built anew. */
export class GroupReader {
  readonly #house: KafkaHouse;
  readonly #options: GroupReaderOptions;
  readonly #running: Promise<void>;
  readonly #stop = Promise.withResolvers<void>();
  #stopped = false;
  #consumer: Consumer | undefined;
  /** The batch under way. */
  #handling: Promise<void> = Promise.resolve();
  readonly #rests = new Set<Timer>();
  #stuckSince: string | undefined;
  #wasInGroup = false;
  #refusal: ServiceError | undefined;
  /** Since when it is in no group; undefined while it is in one. */
  #outsideSinceMs: number | undefined;

  constructor(house: KafkaHouse, options: GroupReaderOptions) {
    this.#house = house;
    this.#options = options;
    this.#outsideSinceMs = house.clock.monotonicMs();
    this.#running = this.#run();
  }

  get isStopped(): boolean {
    return this.#stopped;
  }

  /** The partition whose batch is not finished although it should long be; its process has to be started again. */
  get stuck(): string | undefined {
    return this.#stuckSince;
  }

  /** Nothing was assigned to it, not even nothing, for longer than its members may take to come together. */
  get isOutside(): boolean {
    return this.#outsideSinceMs !== undefined && this.#house.clock.monotonicMs() - this.#outsideSinceMs >= OUTSIDE_AFTER_MS;
  }

  /** What Kafka does not let it do, since it has last read anything. */
  get refusal(): ServiceError | undefined {
    return this.#refusal;
  }

  seek(topic: string, partition: number, offset: bigint): void {
    this.#consumer?.seek({ topic, partition, offset: offset.toString() });
  }

  /** Tells Kafka, as a hint for its tools; what counts is elsewhere. */
  commit(topic: string, partition: number, offset: bigint): void {
    this.#consumer?.commitOffsets([{ topic, partition, offset: offset.toString() }]).catch((error: Error) => {
      this.#house.logger.debug({ reader: this.#options.name, reason: error.name }, 'an offset was not committed');
    });
  }

  /** Asks for nothing more of a partition for a while, or until the consumer is built anew: then what is assigned is read from where it says. */
  rest(topic: string, partition: number, forMs: number): void {
    const consumer = this.#consumer;
    const place = [{ topic, partitions: [partition] }];
    if (!consumer) return;
    consumer.pause(place);
    const timer = this.#house.clock.after(forMs, () => {
      this.#rests.delete(timer);
      consumer.resume(place);
    });
    this.#rests.add(timer);
  }

  /** Resolves when no batch is handled any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stop.resolve();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let retryMs = FIRST_RETRY_MS; !this.#stopped; retryMs = Math.min(retryMs * 2, MAX_RETRY_MS)) {
      const startedMs = this.#house.clock.monotonicMs();
      const before = this.#house.kafka.groupRefusals;
      const reason = await this.#consume();
      if (this.#stopped) return;
      if (this.#house.clock.monotonicMs() - startedMs > MAX_RETRY_MS) retryMs = FIRST_RETRY_MS;
      this.#tell(retryMs, reason, this.#house.kafka.groupRefusals > before);
      const rest = Promise.withResolvers<void>();
      const timer = this.#house.clock.after(retryMs, rest.resolve);
      await Promise.race([rest.promise, this.#stop.promise]);
      timer.cancel();
    }
  }

  /** A cluster that was just begun has no coordinator of groups for some seconds: that is nothing to warn of before it lasts. */
  #tell(retryMs: number, reason: Error, isDenied: boolean): void {
    const level = this.#wasInGroup || this.isOutside ? 'warn' : 'info';
    const error = toConsumerError(reason, isDenied);
    const isSaid = this.#refusal !== undefined;
    if (error.code === 'failed_precondition') {
      this.#refusal = error;
      this.#options.onRefused?.(error);
    }
    if (this.#refusal === undefined) this.#house.logger[level]({ reader: this.#options.name, retryMs, reason: reason.name }, 'a consumer of Kafka ended and is built anew');
    else this.#house.logger[isSaid ? 'debug' : 'warn']({ reader: this.#options.name, retryMs, error: this.#refusal }, 'a consumer of Kafka is refused');
  }

  /** Until it is stopped or given up; returns why. */
  async #consume(): Promise<Error> {
    const { groupId, minBytes = 1, maxWaitMs = MAX_WAIT_MS, onAssigned } = this.#options;
    const { driver, end, renew } = this.#house.kafka.open();
    const consumer = driver.consumer({
      groupId, minBytes, maxWaitTimeInMs: maxWaitMs, maxBytesPerPartition: MAX_BYTES_PER_PARTITION, allowAutoTopicCreation: false,
      sessionTimeout: SESSION_TIMEOUT_MS, heartbeatInterval: HEARTBEAT_MS, rebalanceTimeout: REBALANCE_TIMEOUT_MS,
      // The driver's own restart forgets to look whether it was stopped meanwhile, and then goes on for ever.
      retry: { restartOnFailure: async () => false },
    });
    const ended = Promise.withResolvers<Error>();
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      this.#outsideSinceMs ??= this.#house.clock.monotonicMs();
      ended.resolve(payload.error);
    });
    consumer.on(consumer.events.REBALANCING, () => { this.#outsideSinceMs ??= this.#house.clock.monotonicMs(); });
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      this.#outsideSinceMs = undefined;
      this.#wasInGroup = true;
      onAssigned(payload.memberAssignment);
    });
    consumer.on(consumer.events.FETCH, () => { this.#refusal = undefined; });
    consumer.on(consumer.events.REQUEST_TIMEOUT, renew);
    this.#consumer = consumer;
    const starting = this.#start(consumer);
    try {
      return await Promise.race([starting.then(() => ended.promise), this.#stop.promise.then(() => new Error('stopped'))]);
    } catch (thrown) {
      return thrown instanceof Error ? thrown : new Error('not an error was thrown');
    } finally {
      this.#consumer = undefined;
      for (const timer of this.#rests) timer.cancel();
      this.#rests.clear();
      this.#outsideSinceMs ??= this.#house.clock.monotonicMs();
      // One that is still joining is waited for: its group would wait for a member that left in silence.
      const leave = starting.catch(() => undefined).then(() => consumer.disconnect());
      leave.catch(() => undefined);
      await this.#handling;
      await end(leave);
    }
  }

  async #start(consumer: Consumer): Promise<void> {
    await consumer.connect();
    for (const subscription of this.#options.topics) await consumer.subscribe(subscription);
    await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: (payload) => (this.#stopped ? Promise.resolve() : this.#handle(payload)) });
  }

  #handle(payload: EachBatchPayload): Promise<void> {
    const handling = this.#watched(payload);
    this.#handling = handling.catch(() => undefined);
    return handling;
  }

  /** The driver keeps a member in its group however long its batch takes, so somebody else has to look. */
  async #watched(payload: EachBatchPayload): Promise<void> {
    const { topic, partition } = payload.batch;
    const timer = this.#house.clock.after(STUCK_AFTER_MS, () => {
      this.#stuckSince = `${topic}/${partition}`;
      this.#house.logger.error({ reader: this.#options.name, partition, afterMs: STUCK_AFTER_MS }, 'a batch is not finished in its time');
    });
    try {
      await this.#options.onBatch(payload);
    } finally {
      timer.cancel();
      this.#stuckSince = undefined;
    }
  }
}
