import type { Clock } from '@sluice/clock';

/** Leaders change, databases restart, a rebalance fences: what is over by then is no news. */
const FAILING_AFTER_MS = 5_000;

/** `claim`: taking the partition over; `batch`: what is done with its records. */
export type FailedStep = 'claim' | 'batch';

interface Failing {
  readonly step: FailedStep;
  readonly sinceMs: number;
  reason: string;
}

/** How far a consumer is behind, partition by partition, and what keeps it from going on. */
export class ReadingProgress {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #places = new Map<number, { readonly high: bigint; readonly next: bigint }>();
  #reads = 0;
  readonly #failing = new Map<number, Failing>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** Counts what was read; an answer from elsewhere that was asked for before is older than that. */
  get reads(): number {
    return this.#reads;
  }

  /** `high`: the end of the partition; `next`: from where it is read next. */
  read(partition: number, high: bigint, next: bigint): void {
    this.#reads++;
    this.#places.set(partition, { high, next });
  }

  /** The same as Kafka and the database tell it, asked when so much had been read. */
  asked(partition: number, high: bigint, next: bigint, reads: number): void {
    if (reads === this.#reads) this.#places.set(partition, { high, next });
  }

  /** Records of all partitions that are not handled yet, as last seen. */
  lag(): number {
    return [...this.#places.values()].reduce((sum, { high, next }) => sum + (high > next ? Number(high - next) : 0), 0);
  }

  failed(partition: number, step: FailedStep, reason: string): void {
    const failing = this.#failing.get(partition);
    // Who cannot handle a batch takes the partition over between two tries; that says nothing new.
    if (failing && (failing.step === step || failing.step === 'batch')) failing.reason = reason;
    else this.#failing.set(partition, { step, sinceMs: this.#clock.monotonicMs(), reason });
  }

  succeeded(partition: number, step: FailedStep): void {
    if (step === 'batch' || this.#failing.get(partition)?.step === 'claim') this.#failing.delete(partition);
  }

  /** Whoever else was given a partition fails by itself. */
  assigned(partitions: readonly number[]): void {
    for (const partition of [...this.#failing.keys()]) if (!partitions.includes(partition)) this.#failing.delete(partition);
  }

  /** Why some partition does not go on, once that has lasted; undefined while all do. */
  get fault(): string | undefined {
    const nowMs = this.#clock.monotonicMs();
    return [...this.#failing.values()].find(({ sinceMs }) => nowMs - sinceMs >= FAILING_AFTER_MS)?.reason;
  }
}
