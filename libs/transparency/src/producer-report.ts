import { LogFault } from './fault.ts';
import type { EntryType, LogEntry } from './log-entry.ts';

/** What the log holds of one epoch of one producer, to be held against the producer's own counters. */
export interface ProducerReport {
  readonly producer: string;
  readonly epoch: bigint;
  /** Lowest and highest segment (or position) that an entry names. */
  readonly firstSeq: bigint;
  readonly lastSeq: bigint;
  readonly entries: number;
  readonly byType: Readonly<Partial<Record<EntryType, number>>>;
}

interface Tally {
  readonly producer: string;
  readonly epoch: bigint;
  firstSeq: bigint;
  lastSeq: bigint;
  entries: number;
  readonly byType: Partial<Record<EntryType, number>>;
}

/** Ends that a producer wrote itself; they stand in the order of its segments. */
const WRITTEN_BY_PRODUCER: readonly EntryType[] = ['call.completed', 'call.refused'];

/** Counts entries by producer and epoch, and refuses an order that no producer can have written. */
export class ProducerTally {
  readonly #tallies = new Map<string, Tally>();
  readonly #lastWritten = new Map<string, bigint>();
  readonly #closed = new Set<string>();

  add(entry: LogEntry): void {
    const key = `${entry.epoch} ${entry.producer}`;
    this.#checkOrder(key, entry);
    let tally = this.#tallies.get(key);
    if (!tally) {
      tally = { producer: entry.producer, epoch: entry.epoch, firstSeq: entry.seq, lastSeq: entry.seq, entries: 0, byType: {} };
      this.#tallies.set(key, tally);
    }
    if (entry.seq < tally.firstSeq) tally.firstSeq = entry.seq;
    if (entry.seq > tally.lastSeq) tally.lastSeq = entry.seq;
    tally.entries++;
    tally.byType[entry.type] = (tally.byType[entry.type] ?? 0) + 1;
  }

  /** In the order in which producers and epochs appear in the log. */
  reports(): ProducerReport[] {
    return [...this.#tallies.values()];
  }

  #checkOrder(key: string, { type, producer, epoch, seq }: LogEntry): void {
    if (type === 'call.abandoned') this.#closed.add(key);
    if (!WRITTEN_BY_PRODUCER.includes(type)) return;
    if (this.#closed.has(key)) throw new LogFault('order', `Epoch ${epoch} of ${producer} goes on after it was closed.`);
    if (seq < (this.#lastWritten.get(key) ?? 0n)) throw new LogFault('order', `Epoch ${epoch} of ${producer} goes back to segment ${seq}.`);
    this.#lastWritten.set(key, seq);
  }
}
