import type { DescMessage } from '@bufbuild/protobuf';
import type { Clock, Timer } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { EventLog, EventRecord, Subscription } from '@sluice/events';
import type { HealthState } from '@sluice/lifecycle';
import type { Logger } from '@sluice/telemetry';
import { observeAge } from './observe-age.ts';

/** From this age on the copy is degraded and reads its owner again. */
export const STALE_AFTER_MS = 1_000;
const LOAD_LIMIT_MS = 10_000;
const RETRY_FIRST_MS = 100;
const RETRY_LAST_MS = 2_000;
const WATCH_EVERY_MS = 250;
/** Records behind a gap that arrive while the owner is read; more than that are read from the owner instead. */
const ARRIVED_LIMIT = 1_000;

export interface Snapshot<State> {
  /** Position of the last record that is part of the state. */
  readonly position: bigint;
  readonly state: State;
}

export interface ReplicaOptions<State, M extends DescMessage> {
  /** What it is a copy of; for health and log. */
  readonly name: string;
  readonly events: Pick<EventLog, 'follow'>;
  readonly schema: M;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Asks the owner. The signal ends when the answer is not waited for any more. */
  readonly load: (signal: AbortSignal) => Promise<Snapshot<State>>;
  /** The state after a record; may be the same object, changed. Throwing makes the replica read its owner again. */
  readonly apply: (state: State, record: EventRecord<M>) => State;
}

/**
 * A read-only local copy of another service's state: a snapshot by rpc, then events in order. A gap, a record that
 * cannot be applied, or silence makes it read the snapshot again. It never goes back to an older position. While it
 * reads, and while the owner is away, it keeps what it has and goes on applying what continues it.
 */
export class Replica<State, M extends DescMessage> {
  readonly #options: ReplicaOptions<State, M>;
  readonly #stop = new AbortController();
  readonly #ready = Promise.withResolvers<void>();
  #watch: Timer | undefined;
  #hideAge: (() => void) | undefined;
  #subscription: Subscription | undefined;
  #loading: Promise<void> | undefined;
  #current: Snapshot<State> | undefined;
  /** What arrived while the owner is read and does not continue the copy; it may continue the owner's answer. */
  #arrived: EventRecord<M>[] = [];
  #freshAtMs = -Infinity;
  /** What the owner had published by the beat before; a copy that has not reached it by the next one has missed something. */
  #promisedPosition = 0n;

  constructor(options: ReplicaOptions<State, M>) {
    this.#options = options;
    // Nobody may be waiting for the first load.
    this.#ready.promise.catch(() => undefined);
  }

  start(): void {
    if (this.#watch || this.#stop.signal.aborted) return;
    this.#watch = this.#options.clock.every(WATCH_EVERY_MS, () => {
      if (this.ageMs() > STALE_AFTER_MS) this.#reload('the copy is stale');
    });
    this.#hideAge = observeAge(this.#options.name, () => this.ageMs());
    this.#reload('first load');
  }

  /** Resolves when no load and no handler runs any more. */
  async stop(): Promise<void> {
    this.#watch?.cancel();
    this.#hideAge?.();
    this.#stop.abort();
    this.#ready.reject(new ServiceError('draining', 'The server is shutting down.'));
    await this.#loading;
    await this.#subscription?.stop();
  }

  /** Resolves with the first load, however long the owner is away; rejects with `draining` when stopped before. */
  ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Reads the owner now; resolves when the copy is as new as its answer. Who cannot wait for an owner that is away bounds the wait. */
  async refresh(): Promise<void> {
    // A load that runs already may have asked before what is looked for was there.
    await this.#loading;
    this.#reload('it was asked for');
    await this.#loading;
  }

  /** The copy, or undefined before the first load. */
  get state(): State | undefined {
    return this.#current?.state;
  }

  get position(): bigint {
    return this.#current?.position ?? 0n;
  }

  /** Milliseconds since it last knew to be up to date; Infinity before the first load. */
  ageMs(): number {
    return this.#options.clock.monotonicMs() - this.#freshAtMs;
  }

  health(): HealthState {
    if (!this.#current) return { status: 'down', detail: `${this.#options.name} was not loaded yet` };
    const ageMs = this.ageMs();
    return ageMs <= STALE_AFTER_MS ? { status: 'ok' } : { status: 'degraded', detail: `${this.#options.name} is ${Math.round(ageMs)} ms old` };
  }

  #onRecord(record: EventRecord<M>): void {
    // Applied also while the owner is read: a revocation must not wait behind a snapshot that is slow.
    if (this.#stop.signal.aborted || this.#applyNext(record)) return;
    if (!this.#loading) this.#reload('a record is missing or could not be applied', record);
    else if (this.#arrived.length < ARRIVED_LIMIT) this.#arrived.push(record);
  }

  #onBeat(headPosition: bigint): void {
    if (!this.#current || this.#stop.signal.aborted) return;
    if (headPosition === this.position) this.#freshAtMs = this.#options.clock.monotonicMs();
    else if (this.position < this.#promisedPosition) this.#reload('records did not arrive');
    this.#promisedPosition = headPosition;
  }

  /** False when the record does not continue the copy, or breaks it. What is known already changes nothing. */
  #applyNext(record: EventRecord<M>): boolean {
    const current = this.#current;
    if (!current || record.position > current.position + 1n) return false;
    if (record.position <= current.position) return true;
    try {
      this.#current = { position: record.position, state: this.#options.apply(current.state, record) };
      return true;
    } catch (thrown) {
      this.#options.logger.error({ replica: this.#options.name, position: record.position, error: asError(thrown) }, 'a record could not be applied');
      return false;
    }
  }

  #reload(why: string, arrived?: EventRecord<M>): void {
    if (this.#loading || this.#stop.signal.aborted) return;
    this.#options.logger.debug({ replica: this.#options.name, position: this.position }, why);
    this.#arrived = arrived ? [arrived] : [];
    this.#loading = this.#loadUntilCurrent().finally(() => {
      this.#loading = undefined;
      this.#arrived = [];
    });
  }

  async #loadUntilCurrent(): Promise<void> {
    let isAway = false;
    for (let failures = 0; !this.#stop.signal.aborted; failures++) {
      try {
        const asked = { atMs: this.#options.clock.monotonicMs(), position: this.position };
        const loaded = await this.#loadOnce();
        if (this.#stop.signal.aborted) return;
        // As loud as what it ends, so that who was told of that is told of this.
        if (isAway) this.#options.logger.warn({ replica: this.#options.name, attempts: failures }, 'the owner can be read again');
        isAway = false;
        if (this.#accept(loaded, asked)) return;
      } catch (thrown) {
        if (this.#stop.signal.aborted) return;
        // Once: it is tried again for as long as the owner is away.
        this.#options.logger[isAway ? 'debug' : 'warn']({ replica: this.#options.name, attempt: failures + 1, error: asError(thrown) }, 'the owner could not be read');
        isAway = true;
      }
      await this.#pause(Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** Math.min(failures, 10)));
    }
  }

  /** Takes a snapshot over and what arrived behind it; false when another one is needed. */
  #accept(loaded: Snapshot<State>, asked: { readonly atMs: number; readonly position: bigint }): boolean {
    // Older than what was here when it was asked for: the answer of an owner that itself lags.
    if (loaded.position < asked.position) return false;
    // A copy that records carried past the answer meanwhile has all of it, and stays: so no record is applied twice.
    if (loaded.position >= this.position) this.#current = loaded;
    this.#freshAtMs = Math.max(this.#freshAtMs, asked.atMs);
    this.#ready.resolve();
    this.#subscription ??= this.#options.events.follow(this.#options.schema, loaded.position, {
      onRecord: (record) => this.#onRecord(record),
      onBeat: (headPosition) => this.#onBeat(headPosition),
    });
    const complete = this.#arrived.every((record) => this.#applyNext(record));
    if (complete) this.#arrived = [];
    return complete;
  }

  async #loadOnce(): Promise<Snapshot<State>> {
    const limit = new AbortController();
    const ended = Promise.withResolvers<never>();
    const end = (): void => {
      limit.abort();
      ended.reject(new ServiceError('deadline_exceeded', `${this.#options.name} did not answer in time.`));
    };
    const timer = this.#options.clock.after(LOAD_LIMIT_MS, end);
    this.#stop.signal.addEventListener('abort', end, { once: true });
    try {
      return await Promise.race([this.#options.load(limit.signal), ended.promise]);
    } finally {
      timer.cancel();
      this.#stop.signal.removeEventListener('abort', end);
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(delayMs, () => end());
      const end = (): void => {
        timer.cancel();
        this.#stop.signal.removeEventListener('abort', end);
        resolve();
      };
      this.#stop.signal.addEventListener('abort', end, { once: true });
    });
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('not an error was thrown');
}
