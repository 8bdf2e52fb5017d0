import type { HealthState } from '@sluice/lifecycle';
import type { Platform } from '@sluice/platform';
import { AccessChangedSchema } from '@sluice/proto/events/v1/changes';

/** A replica that hears nothing for a second counts itself as old: four beats, so that one may be late. */
const BEAT_PERIOD_MS = 250;

/** No beat for so long is worth a word: replicas have become degraded by now. */
const LATE_AFTER_MS = 1000;

/** Tells replicas of access.changed, four times a second, that they have missed nothing; and the operator when it cannot. */
export class SignOfLife {
  readonly #platform: Pick<Platform, 'events' | 'clock' | 'logger'>;
  readonly #timer: { cancel(): void };
  #inFlight: Promise<void> | undefined;
  #lastBeatMs: number;
  #silent = false;

  constructor(platform: Pick<Platform, 'events' | 'clock' | 'logger'>) {
    this.#platform = platform;
    this.#lastBeatMs = platform.clock.monotonicMs();
    this.#timer = platform.clock.every(BEAT_PERIOD_MS, () => {
      // One at a time: beats that pile up behind a slow log would say nothing new.
      this.#inFlight ??= this.#beat().finally(() => (this.#inFlight = undefined));
    });
  }

  health(): HealthState {
    const silentMs = this.#platform.clock.monotonicMs() - this.#lastBeatMs;
    if (silentMs <= LATE_AFTER_MS) return { status: 'ok' };
    return { status: 'degraded', detail: `the event log took no beat for ${Math.round(silentMs)} ms` };
  }

  async stop(): Promise<void> {
    this.#timer.cancel();
    await this.#inFlight;
  }

  async #beat(): Promise<void> {
    const { events, clock, logger } = this.#platform;
    try {
      await events.beat(AccessChangedSchema);
      this.#lastBeatMs = clock.monotonicMs();
      if (this.#silent) logger.info({}, 'The event log takes beats of access.changed again.');
      this.#silent = false;
    } catch (error) {
      // Said once, not four times a second.
      if (!this.#silent) logger.warn({ error: error instanceof Error ? error : undefined }, 'The event log takes no beat of access.changed; replicas grow old.');
      this.#silent = true;
    }
  }
}
