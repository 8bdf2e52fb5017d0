import type { SegmentEntry } from '../event-log.ts';
import type { SegmentRecord } from './segment-record.ts';

/** What a consumer has seen of an epoch of a producer. */
export interface EpochState {
  readonly producer: string;
  readonly epoch: bigint;
  /** Below it everything was handed over. */
  readonly nextSeq: bigint;
  readonly closed: boolean;
  /** The epoch of this producer before it; 0 for none. */
  readonly preceding: bigint;
  readonly taker: string;
  readonly take: bigint;
}

/** What is known before a batch: of each producer its newest epoch, and every epoch that the batch names. */
export type KnownEpochs = readonly EpochState[];

/** Instead of a taker: of an epoch that segments name and nobody has opened, and of one whose beginning was cut off. */
export const NEVER_OPENED = '';
const CUT_OFF = '-';

/** What a batch of records means to a consumer. */
export interface StreamedBatch {
  readonly entries: readonly SegmentEntry[];
  /** Epochs of which something new is known. */
  readonly changed: readonly EpochState[];
  /** Places at which something is not in the log: in front of a segment, or, at `found` segments, of the end that their producer wrote. */
  readonly gaps: readonly { readonly producer: string; readonly epoch: bigint; readonly expected: bigint; readonly found: bigint }[];
}

/**
 * The law of the log of segments, decided by the order in which records lie: an epoch is open from the record that opens
 * it to the first one that closes it or opens a later one. A segment counts while its epoch is open; behind that it is
 * late, once; what was there before is passed over. `isWhole` is false where the beginning of the log was cut off: an epoch
 * may then be met that nothing has opened.
 */
export function streamBatch(records: readonly SegmentRecord[], known: KnownEpochs, isWhole: boolean): StreamedBatch {
  const stream = new Stream(known, isWhole);
  for (const record of records) stream.take(record);
  return { entries: stream.entries, changed: stream.changed(), gaps: stream.gaps };
}

class Stream {
  readonly entries: SegmentEntry[] = [];
  readonly gaps: { producer: string; epoch: bigint; expected: bigint; found: bigint }[] = [];
  readonly #isWhole: boolean;
  readonly #epochs = new Map<string, EpochState>();
  readonly #newest = new Map<string, EpochState>();
  readonly #changed = new Set<string>();

  constructor(known: KnownEpochs, isWhole: boolean) {
    this.#isWhole = isWhole;
    for (const state of known) this.#keep(state);
  }

  changed(): EpochState[] {
    return [...this.#changed].map((key) => this.#epochs.get(key)!);
  }

  take(record: SegmentRecord): void {
    if (record.kind === 'opened') this.#open(record);
    else if (record.kind === 'closed') this.#close(record);
    else this.#segment(record);
  }

  #open({ producer, epoch, taker, take }: SegmentRecord & { kind: 'opened' }): void {
    const newest = this.#newest.get(producer);
    // Read again, or an attempt that its taker has given up: a later one of the same taker was first.
    if (newest && (newest.epoch >= epoch || (newest.taker === taker && newest.take >= take))) return;
    if (newest && !newest.closed) this.#end(newest);
    this.#set({ producer, epoch, nextSeq: 0n, closed: false, preceding: newest?.epoch ?? 0n, taker, take });
  }

  #close({ producer, epoch, segments }: SegmentRecord & { kind: 'closed' }): void {
    const state = this.#epochs.get(keyOf(producer, epoch)) ?? this.#cutOff(producer, epoch, segments ?? 0n);
    if (!state || state.closed) return;
    // Its producer says how many it wrote: the last of them are not in the log.
    if (segments !== undefined && segments > state.nextSeq) this.gaps.push({ producer, epoch, expected: state.nextSeq, found: segments });
    this.#end(state);
  }

  #segment({ producer, epoch, seq, bytes }: SegmentRecord & { kind: 'segment' }): void {
    const segment = { producer, epoch, seq, bytes };
    const state = this.#epochs.get(keyOf(producer, epoch)) ?? this.#cutOff(producer, epoch, seq) ?? this.#unknown(producer, epoch);
    if (seq < state.nextSeq) return;
    if (!state.closed && seq > state.nextSeq) this.gaps.push({ producer, epoch, expected: state.nextSeq, found: seq });
    this.entries.push({ kind: state.closed ? 'late' : 'segment', segment });
    this.#set({ ...state, nextSeq: seq + 1n });
  }

  #end(state: EpochState): void {
    const { producer, epoch, nextSeq: seq, preceding } = state;
    this.entries.push({ kind: 'closed', producer, epoch, seq, preceding });
    this.#set({ ...state, closed: true });
  }

  /** An epoch whose beginning was cut off before this consumer came: it begins with what is there. */
  #cutOff(producer: string, epoch: bigint, nextSeq: bigint): EpochState | undefined {
    if (this.#isWhole || this.#newest.has(producer)) return undefined;
    return { producer, epoch, nextSeq, closed: false, preceding: 0n, taker: CUT_OFF, take: 0n };
  }

  /** An epoch that nobody has opened is closed. */
  #unknown(producer: string, epoch: bigint): EpochState {
    return { producer, epoch, nextSeq: 0n, closed: true, preceding: 0n, taker: NEVER_OPENED, take: 0n };
  }

  #set(state: EpochState): void {
    this.#keep(state);
    this.#changed.add(keyOf(state.producer, state.epoch));
  }

  #keep(state: EpochState): void {
    this.#epochs.set(keyOf(state.producer, state.epoch), state);
    const newest = this.#newest.get(state.producer);
    // An epoch that was never opened may have any number.
    if (isOpened(state) && (!newest || state.epoch >= newest.epoch)) this.#newest.set(state.producer, state);
  }
}

/** False for an epoch that a segment names and nobody has opened. */
function isOpened(state: EpochState): boolean {
  return state.taker !== NEVER_OPENED;
}

function keyOf(producer: string, epoch: bigint): string {
  return `${epoch} ${producer}`;
}
