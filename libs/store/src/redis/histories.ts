import type { Clock } from '@sluice/clock';
import type { Use } from '../store.ts';
import type { Member, SharedWindow } from './member.ts';

/** What was used before it was counted here, until Redis has it. */
export class Histories {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #untold = new Map<string, { readonly window: SharedWindow; readonly uses: readonly Use[] }>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  add(window: SharedWindow, uses: readonly Use[]): void {
    this.#untold.set(window.key, { window, uses });
  }

  /** @throws when Redis does not answer; what it has not confirmed is sent again then */
  async send(member: Member): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    await Promise.all([...this.#untold].map(async ([key, untold]) => {
      await member.precede({ ...untold.window, uses: untold.uses.map(({ atMs, amount }) => ({ agoMs: nowMs - atMs, amount })) });
      if (this.#untold.get(key) === untold) this.#untold.delete(key);
    }));
  }
}
