import type { Clock } from '@sluice/clock';
import type { AskedWindow, Reported } from './member.ts';

/** So much of its latest writes a server may lose that syncs them every second, and waits up to two for a slow disk. */
const LOST_AT_MOST_MS = 3_000;

interface Latest {
  readonly atMs: number;
  readonly windows: readonly AskedWindow[];
}

/** What this process was granted a moment ago: a server that was killed may have forgotten it. */
export class LatestUses {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #uses: Latest[] = [];
  /** What lies before is older than anything that is lost. */
  #first = 0;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  add(windows: readonly AskedWindow[]): void {
    const nowMs = this.#clock.monotonicMs();
    this.#uses.push({ atMs: nowMs, windows });
    while (this.#uses[this.#first]!.atMs < nowMs - LOST_AT_MOST_MS) this.#first++;
    if (this.#first * 2 < this.#uses.length) return;
    this.#uses = this.#uses.slice(this.#first);
    this.#first = 0;
  }

  /** What was granted shortly before then. */
  report(fellMs: number): readonly Reported[] {
    const nowMs = this.#clock.monotonicMs();
    const reports = new Map<string, Reported & { readonly uses: { agoMs: number; amount: number }[] }>();
    for (const { atMs, windows } of this.#uses.slice(this.#first)) {
      if (atMs < fellMs - LOST_AT_MOST_MS) continue;
      for (const { key, windowMs, bucketMs, amount } of windows) {
        const report = reports.get(key) ?? { key, windowMs, bucketMs, uses: [] };
        report.uses.push({ agoMs: nowMs - atMs, amount });
        reports.set(key, report);
      }
    }
    return [...reports.values()];
  }
}
