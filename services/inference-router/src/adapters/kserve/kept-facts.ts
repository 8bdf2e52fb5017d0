import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { ModelFacts } from '../../domain/backend.ts';
import { PROBE_PERIOD_MS } from '../../domain/limits.ts';
import { untilAborted } from './until-aborted.ts';

/** As old as what is known of a server's health may be. */
export const FACTS_KEPT_MS = PROBE_PERIOD_MS;
/** Shorter, because it may pass; and not at once again, because a server in trouble is not to be asked by everybody. */
export const FAULT_KEPT_MS = 1_000;
/** Facts that the server holds in memory. */
const ASK_LIMIT_MS = 5_000;

/**
 * What a server says of a model, kept for a while: however many ask, and whatever keys they have, the server that tenants
 * share is asked once in that time.
 */
export class KeptFacts {
  readonly #ask: (signal: AbortSignal) => Promise<ModelFacts>;
  readonly #clock: Clock;
  /** As long as the server is being asked it has no end. */
  #kept: { readonly facts: Promise<ModelFacts>; untilMs: number } | undefined;

  constructor(ask: (signal: AbortSignal) => Promise<ModelFacts>, clock: Clock) {
    this.#ask = ask;
    this.#clock = clock;
  }

  /** @throws ServiceError what the server was last asked in vain for, or the reason of the signal */
  async get(signal: AbortSignal): Promise<ModelFacts> {
    const isKept = this.#kept && this.#clock.monotonicMs() < this.#kept.untilMs;
    return untilAborted(isKept ? this.#kept!.facts : this.#askAnew(), signal);
  }

  /** The server was found in trouble: what it said before does not count. */
  forget(): void {
    this.#kept = undefined;
  }

  #askAnew(): Promise<ModelFacts> {
    const kept = (this.#kept = { facts: this.#askInTime(), untilMs: Infinity });
    const keep = (forMs: number) => (): void => void (kept.untilMs = this.#clock.monotonicMs() + forMs);
    kept.facts.then(keep(FACTS_KEPT_MS), keep(FAULT_KEPT_MS));
    return kept.facts;
  }

  async #askInTime(): Promise<ModelFacts> {
    const deadline = new AbortController();
    const timer = this.#clock.after(ASK_LIMIT_MS, () => deadline.abort(new ServiceError('upstream_timeout', "The model's server did not answer in time.")));
    try {
      return await this.#ask(deadline.signal);
    } finally {
      timer.cancel();
    }
  }
}
