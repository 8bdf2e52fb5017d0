import type { Clock, Timer } from '@sluice/clock';
import type { Logger } from '@sluice/telemetry';
import type { CallHits, HitSink } from './call/call-filter.ts';

/** Statistics and the event may be a quarter of a second late; a write for every call would cost more than the call. */
const WRITE_EVERY_MS = 250;
/** One transaction of the owner; the database is not held longer. */
const BATCH_CALLS = 500;
/** What waits while the owner of the rules is away, hits and counts of rules: about 30 MB. */
const MAX_WAITING_HITS = 100_000;

/** How long `stop` waits for the owner of the rules. */
const STOP_LIMIT_MS = 4_000;

/** What is written at once. Its sender and number name it: it is the same however often it is tried. */
export interface HitBatch {
  readonly sender: string;
  /** Higher than that of the batch before, from 1. */
  readonly number: bigint;
  readonly calls: readonly CallHits[];
}

/** Where hits are kept. Writes all of a batch or nothing, and the last batch of a sender once. */
export interface HitStore {
  write(batch: HitBatch): Promise<void>;
}

export interface HitJournalOptions {
  /** Names this journal, and none before it. */
  readonly sender: string;
  readonly store: HitStore;
  /** Told how many calls lost their hits. */
  readonly dropped: (calls: number) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Collects what was found in calls and writes it behind them, so that no call waits for the owner of the rules. The record of a
 * call has its own hits; what is lost here is lost to the statistics and to those who follow `filter.hits`, and counted.
 */
export class HitJournal implements HitSink {
  readonly #options: HitJournalOptions;
  readonly #timer: Timer;
  #waiting: CallHits[] = [];
  /** The first of those that wait, while it is not known that they were written. */
  #batch: HitBatch | undefined;
  #written = 0n;
  #waitingHits = 0;
  #writing: Promise<void> | undefined;
  #isBehind = false;

  constructor(options: HitJournalOptions) {
    this.#options = options;
    this.#timer = options.clock.every(WRITE_EVERY_MS, () => this.#write());
  }

  add(found: CallHits): void {
    if (this.#waitingHits + sizeOf(found) > MAX_WAITING_HITS) return this.#options.dropped(1);
    this.#waiting.push(found);
    this.#waitingHits += sizeOf(found);
  }

  /** Writes what waits, once; what cannot be written then, within STOP_LIMIT_MS, is lost. */
  async stop(): Promise<void> {
    this.#timer.cancel();
    const late = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(STOP_LIMIT_MS, late.resolve);
    await Promise.race([this.#writeLast(), late.promise]);
    timer.cancel();
    if (this.#waiting.length === 0) return;
    this.#options.logger.warn({ calls: this.#waiting.length }, 'The hits of these calls are in no statistics: they could not be written before the end.');
    this.#options.dropped(this.#waiting.length);
  }

  async #writeLast(): Promise<void> {
    await this.#writing;
    this.#write();
    await this.#writing;
  }

  #write(): void {
    if (this.#waiting.length > 0) this.#writing ??= this.#writeAll().finally(() => (this.#writing = undefined));
  }

  async #writeAll(): Promise<void> {
    // Each pass writes a batch that was there, and the first failure ends it.
    while (this.#waiting.length > 0) {
      const batch = (this.#batch ??= { sender: this.#options.sender, number: this.#written + 1n, calls: this.#waiting.slice(0, BATCH_CALLS) });
      try {
        await this.#options.store.write(batch);
      } catch (thrown) {
        if (!this.#isBehind) this.#options.logger.warn({ error: thrown instanceof Error ? thrown : undefined }, 'Hits of the filter cannot be written; they wait.');
        this.#isBehind = true;
        return;
      }
      this.#batch = undefined;
      this.#written = batch.number;
      this.#waiting = this.#waiting.slice(batch.calls.length);
      for (const found of batch.calls) this.#waitingHits -= sizeOf(found);
      if (this.#isBehind) this.#options.logger.info({}, 'Hits of the filter are written again.');
      this.#isBehind = false;
    }
  }
}

function sizeOf({ hits, counts }: CallHits): number {
  return hits.length + counts.length;
}
