import type { Clock, Timer } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { EventLog, EventRecord, Subscription } from '@sluice/events';
import type { HealthState } from '@sluice/lifecycle';
import { RegistryChangedSchema } from '@sluice/proto/events/v1/changes';
import { type ModelRegistryService } from '@sluice/proto/model_registry/v1/model_registry';
import type { Client } from '@sluice/rpc';
import type { Logger } from '@sluice/telemetry';
import type { Registry } from '../domain/ports.ts';
import { RegistryCopy } from '../domain/registry-copy.ts';

/** A copy that heard nothing for so long is old: the owner beats four times as often. */
export const STALE_MS = 1000;
const READ_TIMEOUT_MS = 5000;
/** Snapshots in a row that may lie behind the events; more than that, and it is the owner who went back (a restore). */
const OVERTAKEN_LIMIT = 3;

export interface RegistryFeedOptions {
  readonly owner: Client<typeof ModelRegistryService>;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Runs after each change of the copy. */
  readonly onChange: (copy: RegistryCopy) => void;
}

/**
 * Keeps the copy of the registry: a snapshot by rpc, then every event behind it; at a gap, or when an event tells of a
 * credential that only a snapshot carries, or when nothing was heard for a while, the snapshot again. The last known
 * copy stays in use however old it is: a registry that is away stops no call.
 */
export class RegistryFeed implements Registry {
  readonly #options: RegistryFeedOptions;
  #copy: RegistryCopy | undefined;
  #position = 0n;
  #heardMs = 0;
  #reading: Promise<void> | undefined;
  #mustReadAgain = false;
  #overtaken = 0;
  #subscription: Subscription | undefined;
  #timer: Timer | undefined;
  readonly #stopped = new AbortController();

  constructor(options: RegistryFeedOptions) {
    this.#options = options;
  }

  /** Begins to read; does not wait for the owner, who may start later. */
  start(): void {
    this.#timer = this.#options.clock.every(STALE_MS, () => {
      if (this.#ageMs() >= STALE_MS) this.#read();
    });
    this.#read();
  }

  resolve(organisationId: string, name: string): string | undefined {
    if (!this.#copy) throw new ServiceError('backend_unavailable', 'The models are not known yet.');
    return this.#copy.resolve(organisationId, name);
  }

  health(): HealthState {
    if (!this.#copy) return { status: 'down', detail: 'the registry was not read yet' };
    const ageMs = this.#ageMs();
    return ageMs < 2 * STALE_MS ? { status: 'ok' } : { status: 'degraded', detail: `the copy of the registry is ${Math.round(ageMs)} ms old` };
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#stopped.abort(new ServiceError('cancelled', 'The router stops.'));
    await this.#reading;
    await this.#subscription?.stop();
  }

  #ageMs(): number {
    return this.#copy ? this.#options.clock.monotonicMs() - this.#heardMs : Infinity;
  }

  #read(): void {
    if (this.#stopped.signal.aborted) return;
    if (this.#reading) {
      this.#mustReadAgain = true;
      return;
    }
    this.#mustReadAgain = false;
    this.#reading = this.#readSnapshot()
      .catch((thrown: unknown) => this.#failed(thrown))
      .finally(() => {
        this.#reading = undefined;
        if (this.#mustReadAgain) this.#read();
      });
  }

  async #readSnapshot(): Promise<void> {
    const { owner, events, clock, onChange } = this.#options;
    const snapshot = await owner.getSnapshot({}, { timeoutMs: READ_TIMEOUT_MS, signal: this.#stopped.signal });
    // Events overtook it: taking it would bring back what they removed.
    if (this.#copy && snapshot.position < this.#position && this.#overtaken++ < OVERTAKEN_LIMIT) {
      this.#mustReadAgain = true;
      return;
    }
    this.#overtaken = 0;
    await this.#subscription?.stop();
    this.#copy = RegistryCopy.of(snapshot);
    this.#position = snapshot.position;
    this.#heardMs = clock.monotonicMs();
    onChange(this.#copy);
    if (this.#stopped.signal.aborted) return;
    this.#subscription = events.follow(RegistryChangedSchema, snapshot.position, {
      onRecord: (record) => this.#apply(record),
      onBeat: (head) => {
        if (head <= this.#position) this.#heardMs = clock.monotonicMs();
      },
    });
  }

  #apply({ position, message }: EventRecord<typeof RegistryChangedSchema>): void {
    if (!this.#copy || position <= this.#position) return;
    if (position !== this.#position + 1n) return this.#read();
    this.#position = position;
    this.#heardMs = this.#options.clock.monotonicMs();
    const needsCredential = this.#copy.apply(message);
    this.#options.onChange(this.#copy);
    if (needsCredential) this.#read();
  }

  #failed(thrown: unknown): void {
    if (this.#stopped.signal.aborted) return;
    // The timer tries again; an owner that starts later is no fault worth more than a line of debug.
    this.#options.logger.debug({ code: ServiceError.from(thrown).code }, 'The registry could not be read.');
  }
}
