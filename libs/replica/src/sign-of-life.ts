import { getOption, type DescMessage } from '@bufbuild/protobuf';
import type { Clock } from '@sluice/clock';
import type { EventLog } from '@sluice/events';
import type { HealthState } from '@sluice/lifecycle';
import { topic } from '@sluice/proto/events/v1/topic';
import type { Logger } from '@sluice/telemetry';

/** A replica that hears nothing for a second counts itself as old: four beats, so that one may be late. */
const BEAT_PERIOD_MS = 250;

/** No beat for so long is worth a word: replicas have become degraded by now. */
const LATE_AFTER_MS = 1000;
const STOP_LIMIT_MS = 1_000;

/** What the owner of a topic stands on; a platform has all of it. */
export interface Owner {
  readonly events: Pick<EventLog, 'beat'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The owner's side of a replica: tells the replicas of a topic, four times a second, that they have missed nothing; and the operator when it cannot. */
export class SignOfLife {
  readonly #owner: Owner;
  readonly #schema: DescMessage;
  readonly #timer: { cancel(): void };
  #inFlight: Promise<void> | undefined;
  #lastBeatMs: number;
  #silent = false;

  constructor(owner: Owner, schema: DescMessage) {
    this.#owner = owner;
    this.#schema = schema;
    this.#lastBeatMs = owner.clock.monotonicMs();
    this.#timer = owner.clock.every(BEAT_PERIOD_MS, () => {
      // One at a time: beats that pile up behind a slow log would say nothing new.
      this.#inFlight ??= this.#beat().finally(() => (this.#inFlight = undefined));
    });
  }

  health(): HealthState {
    const silentMs = this.#owner.clock.monotonicMs() - this.#lastBeatMs;
    if (silentMs <= LATE_AFTER_MS) return { status: 'ok' };
    return { status: 'degraded', detail: `the event log took no beat for ${Math.round(silentMs)} ms` };
  }

  /** Waits for a beat under way, but not for a log that does not answer: a beat may be lost. */
  async stop(): Promise<void> {
    this.#timer.cancel();
    if (!this.#inFlight) return;
    const late = Promise.withResolvers<void>();
    const timer = this.#owner.clock.after(STOP_LIMIT_MS, late.resolve);
    await Promise.race([this.#inFlight, late.promise]);
    timer.cancel();
  }

  get #topic(): string {
    return getOption(this.#schema, topic).name;
  }

  async #beat(): Promise<void> {
    const { events, clock, logger } = this.#owner;
    try {
      await events.beat(this.#schema);
      this.#lastBeatMs = clock.monotonicMs();
      if (this.#silent) logger.info({}, `The event log takes beats of ${this.#topic} again.`);
      this.#silent = false;
    } catch (error) {
      // Said once, not four times a second.
      if (!this.#silent) logger.warn({ error: error instanceof Error ? error : undefined }, `The event log takes no beat of ${this.#topic}; replicas grow old.`);
      this.#silent = true;
    }
  }
}
