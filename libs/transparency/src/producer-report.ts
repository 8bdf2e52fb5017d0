import { LogFault } from './fault.ts';
import type { EntryType, LogEntry } from './log-entry.ts';

/** What the log holds of one epoch of one producer, to be held against the producer's own counters. */
export interface ProducerReport {
  readonly producer: string;
  readonly epoch: bigint;
  /** The epoch of this producer that the log holds before it; 0 for none. */
  readonly preceding: bigint;
  /** Lowest and highest segment (or position) that an entry names. */
  readonly firstSeq: bigint;
  readonly lastSeq: bigint;
  readonly entries: number;
  readonly byType: Readonly<Partial<Record<EntryType, number>>>;
  /** The epoch is over, and the log holds as many ends as it said there were. */
  readonly closed: boolean;
}

interface Tally {
  readonly producer: string;
  readonly epoch: bigint;
  preceding: bigint;
  firstSeq: bigint;
  lastSeq: bigint;
  entries: number;
  readonly byType: Partial<Record<EntryType, number>>;
  closed: boolean;
}

/** Ends that a producer wrote itself; they stand in the order of its segments. */
const WRITTEN_BY_PRODUCER: readonly EntryType[] = ['call.completed', 'call.refused'];
const ENDS: readonly EntryType[] = [...WRITTEN_BY_PRODUCER, 'call.abandoned'];
/** Entries that belong to no epoch of a producer. */
const WITHOUT_EPOCH: readonly EntryType[] = ['admin.acted', 'bodies.pruned'];

/** Counts entries by producer and epoch; refuses an order that no producer can have written, and a number that is left out. */
export class ProducerTally {
  readonly #tallies = new Map<string, Tally>();
  readonly #lastWritten = new Map<string, bigint>();
  readonly #abandoned = new Set<string>();
  /** The epoch that each producer is in, or that it closed last. */
  readonly #newest = new Map<string, Tally>();
  #acts = 0n;

  add(entry: LogEntry): void {
    const key = `${entry.epoch} ${entry.producer}`;
    this.#checkOrder(key, entry);
    if (entry.type === 'admin.acted' && entry.seq !== ++this.#acts) throw new LogFault('missing', `Behind act ${this.#acts - 1n} comes act ${entry.seq}.`);
    const tally = this.#tallyOf(key, entry);
    if (!WITHOUT_EPOCH.includes(entry.type)) this.#checkEpoch(tally, entry);
    if (entry.type === 'epoch.closed') close(tally, entry);
    if (entry.seq < tally.firstSeq) tally.firstSeq = entry.seq;
    if (entry.seq > tally.lastSeq) tally.lastSeq = entry.seq;
    tally.entries++;
    tally.byType[entry.type] = (tally.byType[entry.type] ?? 0) + 1;
  }

  /** In the order in which producers and epochs appear in the log. */
  reports(): ProducerReport[] {
    return [...this.#tallies.values()];
  }

  #tallyOf(key: string, { producer, epoch, seq }: LogEntry): Tally {
    const known = this.#tallies.get(key);
    if (known) return known;
    const tally: Tally = { producer, epoch, preceding: 0n, firstSeq: seq, lastSeq: seq, entries: 0, byType: {}, closed: false };
    this.#tallies.set(key, tally);
    return tally;
  }

  /** Epochs rise, each is closed before the next begins, and behind its close only `segment.late` may come. */
  #checkEpoch(tally: Tally, { type, producer, epoch }: LogEntry): void {
    if (tally.closed && type !== 'segment.late') throw new LogFault('order', `Epoch ${epoch} of ${producer} goes on after it was closed.`);
    const newest = this.#newest.get(producer);
    if (newest === tally || tally.closed) return;
    if (newest && !newest.closed) throw new LogFault('missing', `Epoch ${epoch} of ${producer} begins, but nothing closes epoch ${newest.epoch}.`);
    if (newest && epoch < newest.epoch) throw new LogFault('order', `Behind epoch ${newest.epoch} of ${producer} comes epoch ${epoch}.`);
    tally.preceding = newest?.epoch ?? 0n;
    this.#newest.set(producer, tally);
  }

  #checkOrder(key: string, { type, producer, epoch, seq }: LogEntry): void {
    if (type === 'call.abandoned') this.#abandoned.add(key);
    if (!WRITTEN_BY_PRODUCER.includes(type)) return;
    if (this.#abandoned.has(key)) throw new LogFault('order', `Epoch ${epoch} of ${producer} goes on after it was closed.`);
    if (seq < (this.#lastWritten.get(key) ?? 0n)) throw new LogFault('order', `Epoch ${epoch} of ${producer} goes back to segment ${seq}.`);
    this.#lastWritten.set(key, seq);
  }
}

/** Holds what came of an epoch against what its close says of it. */
function close(tally: Tally, { producer, epoch, seq, ends, after = epoch - 1n }: LogEntry): void {
  if (after !== tally.preceding) throw new LogFault('missing', `Epoch ${epoch} of ${producer} follows epoch ${after}; before it the log holds epoch ${tally.preceding}.`);
  const came = ENDS.reduce((sum, type) => sum + (tally.byType[type] ?? 0), 0);
  if (BigInt(came) !== ends) throw new LogFault('missing', `Epoch ${epoch} of ${producer} had ${ends} ends of calls; the log holds ${came}.`);
  if (tally.entries > 0 && tally.lastSeq >= seq) throw new LogFault('order', `Epoch ${epoch} of ${producer} had ${seq} segments; an entry names segment ${tally.lastSeq}.`);
  tally.closed = true;
}
