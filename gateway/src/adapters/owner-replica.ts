import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { EventLog, Subscription } from '@sluice/events';
import type { HealthState } from '@sluice/lifecycle';
import type { Logger } from '@sluice/telemetry';

/** From here on a copy counts as old. Owners give a sign of life every 250 ms. */
export const OLD_AFTER_MS = 1_000;
/** After a snapshot that failed, the owner is left alone for this long: calls must not pile up on it. */
const RETRY_AFTER_MS = 500;

/** A service's state and how a copy of it is kept. */
export interface Owner<M extends DescMessage> {
  readonly name: string;
  /** The topic on which the owner tells its changes. */
  readonly schema: M;
  /** Replaces the copy by the owner's state now; gives the topic's position that it includes. */
  load(): Promise<bigint>;
  /** Applies one change. False when the copy must be loaded anew to hold it. */
  apply(change: MessageShape<M>): boolean;
}

/** A copy of another service's state in memory: a snapshot, then every change; knows how old it is. */
export class OwnerReplica<M extends DescMessage> {
  readonly #owner: Owner<M>;
  readonly #events: Pick<EventLog, 'follow'>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #position = 0n;
  #freshAtMs = -Infinity;
  #failedAtMs = -Infinity;
  #loading: Promise<void> | undefined;
  #following: Subscription | undefined;
  #stopped = false;

  constructor(owner: Owner<M>, { events, clock, logger }: { events: Pick<EventLog, 'follow'>; clock: Clock; logger: Logger }) {
    this.#owner = owner;
    this.#events = events;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Loads and follows; an owner that is away is asked again until it answers. Does not wait for it. */
  start(): void {
    void this.reload().catch((thrown: unknown) => {
      this.#logger.debug({ owner: this.#owner.name, code: ServiceError.from(thrown).code }, 'no snapshot yet');
      if (!this.#stopped) this.#clock.after(RETRY_AFTER_MS, () => this.#stopped || this.start());
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#following?.stop();
  }

  /** Milliseconds since the copy was known to hold everything; infinite before the first snapshot. */
  ageMs(): number {
    return this.#clock.monotonicMs() - this.#freshAtMs;
  }

  /** Asks the owner; those who ask at the same time share one answer. */
  reload(): Promise<void> {
    if (this.#clock.monotonicMs() - this.#failedAtMs < RETRY_AFTER_MS) {
      return Promise.reject(new ServiceError('backend_unavailable', `The service ${this.#owner.name} does not answer.`));
    }
    this.#loading ??= this.#load().finally(() => (this.#loading = undefined));
    return this.#loading;
  }

  health(): HealthState {
    const ageMs = this.ageMs();
    if (ageMs < OLD_AFTER_MS) return { status: 'ok' };
    if (ageMs === Infinity) return { status: 'down', detail: `nothing is known of ${this.#owner.name} yet` };
    return { status: 'degraded', detail: `what is known of ${this.#owner.name} is ${Math.round(ageMs)} ms old` };
  }

  async #load(): Promise<void> {
    const askedAtMs = this.#clock.monotonicMs();
    try {
      this.#position = await this.#owner.load();
      this.#freshAtMs = askedAtMs;
    } catch (thrown) {
      this.#failedAtMs = this.#clock.monotonicMs();
      throw thrown;
    }
    if (this.#following || this.#stopped) return;
    this.#following = this.#events.follow(this.#owner.schema, this.#position, {
      onRecord: ({ position, message }) => this.#record(position, message),
      onBeat: (head) => this.#beat(head),
    });
  }

  #record(position: bigint, message: MessageShape<M>): void {
    // A snapshot that was loaded meanwhile may hold this change already.
    if (position <= this.#position) return;
    if (position === this.#position + 1n && this.#owner.apply(message)) {
      this.#position = position;
      return;
    }
    this.start();
  }

  #beat(head: bigint): void {
    if (head <= this.#position) this.#freshAtMs = this.#clock.monotonicMs();
  }
}
