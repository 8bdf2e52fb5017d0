import type { Clock, Timer } from '@sluice/clock';
import type { Logger } from '@sluice/telemetry';

/** Work that is done again and again, never twice at once. A failure is logged, remembered for health, and tried again at the next turn. */
export class RepeatingWork {
  readonly #name: string;
  readonly #logger: Logger;
  readonly #work: () => Promise<void>;
  readonly #timer: Timer;
  #running: Promise<void> | undefined;
  #failing = false;

  constructor(name: string, periodMs: number, { clock, logger }: { readonly clock: Clock; readonly logger: Logger }, work: () => Promise<void>) {
    this.#name = name;
    this.#logger = logger;
    this.#work = work;
    this.#timer = clock.every(periodMs, () => void this.run());
  }

  get isFailing(): boolean {
    return this.#failing;
  }

  /** Does the work now, or waits for the turn that is under way. Never fails. */
  run(): Promise<void> {
    return (this.#running ??= this.#turn());
  }

  async stop(): Promise<void> {
    this.#timer.cancel();
    await this.#running;
  }

  async #turn(): Promise<void> {
    try {
      await this.#work();
      this.#failing = false;
    } catch (thrown) {
      // Once per outage: the next turns would say the same.
      if (!this.#failing) this.#logger.error({ work: this.#name, error: thrown instanceof Error ? thrown : undefined }, 'Work of the audit failed; it is tried again.');
      this.#failing = true;
    } finally {
      this.#running = undefined;
    }
  }
}
