/** No word character may stand before the match. */
export const LEFT = 1;
/** No word character may follow the match. */
export const RIGHT = 2;
/** A word with its doubled letters written once: only a text whose repeats were collapsed can hold it. */
export const COLLAPSED = 4;
/** Found as it is written alone: not as leet, repeated letters or syllables. */
export const AS_WRITTEN = 8;
/** White space may stand anywhere in it. */
export const FREE = 16;

/** The words of a state in `nodes`: word `w` of state `s` is `nodes[4 * s + w]`. */
export const CHECK = 1;
export const FAIL = 2;
export const HIT = 3;

/** What `HIT` says: a key ends in it or along its fail; in it one that must end a word, or one that need not, as it is written. */
export const ENDS = 1;
export const ENDS_WORD = 2;
export const ENDS_ANYWHERE = 4;

export const NOWHERE = 0;
export const AFTER_BOUNDARY = 1;
export const ANYWHERE = 2;

/**
 * An Aho-Corasick automaton as a double array (Aoe, 1989): base of a state + class is the next state when its check
 * says so, else fail leads on. Every table is a view of one buffer, so that an automaton is handed to another thread, or
 * shared with it, without a copy.
 */
export interface Automaton {
  readonly buffer: ArrayBufferLike;
  /** Unit to class; class 0 stands in no word. */
  readonly classes: Uint16Array;
  /** Four words a state, side by side, as a step wants all of them: its base, its check, its fail, and what ends in it: 0 when nothing does. */
  readonly nodes: Int32Array;
  /** The key that ends in a state, counted from 1; 0 when none does. */
  readonly out: Int32Array;
  /** The next state along `fail` in which a key ends; 0 when there is none. */
  readonly outLink: Int32Array;
  readonly depth: Uint8Array;
  /** Whether longer keys begin with what leads to a state: `NOWHERE`, `AFTER_BOUNDARY` when all of them want one before them, or `ANYWHERE`. */
  readonly onward: Uint8Array;
  /** As `onward`, of the longer keys that may have white space behind what leads to a state. */
  readonly openAfter: Uint8Array;
  /** How many of the last units of what leads to a state white space may not part: the least of the keys that begin so. */
  readonly segment: Uint8Array;
  /** By unit, as first-look.ts says. */
  readonly look: Uint8Array;
  /** A bit for each hash of the first units of a key. */
  readonly leads: Uint8Array;
  readonly keyLength: Uint8Array;
  readonly longestKey: number;
  /** The entries of key `k` are `entryAt[k]` to `entryAt[k + 1]`, exclusive. */
  readonly entryAt: Int32Array;
  readonly entryRule: Int32Array;
  /** Where the lengths of the runs of a collapsed word stand in `runs`. */
  readonly entryRuns: Int32Array;
  /** Where a word's joints stand in `joints`. */
  readonly entryJoints: Int32Array;
  readonly entryFlags: Uint8Array;
  /** One a unit of a word: 1 when white space may stand before it. The first are those of all words that have no such place. */
  readonly joints: Uint8Array;
  readonly runs: Uint8Array;
}

export interface AutomatonSize {
  readonly longestKey: number;
  readonly states: number;
  readonly keys: number;
  readonly entries: number;
  readonly runs: number;
  readonly joints: number;
}

/** "SLAC" and the version of the layout. */
const MAGIC = 0x534c4143;
const LAYOUT = 5;
const HEADER_WORDS = 8;
const CLASSES = 0x10000;
/** 512 K bits: some five for each beginning of 50,000 words. */
const LEAD_BYTES = 0x10000;

/** An empty automaton of a size, all zero, in a buffer that threads can share. */
export function allocate(size: AutomatonSize): Automaton {
  const bytes = layOut(size, undefined);
  const buffer = new SharedArrayBuffer(bytes.total);
  new Int32Array(buffer, 0, HEADER_WORDS).set([MAGIC, LAYOUT, size.longestKey, size.states, size.keys, size.entries, size.runs, size.joints]);
  return layOut(size, buffer).automaton!;
}

/**
 * The automaton that lies in a buffer.
 * @throws RangeError when the buffer is none, or of another layout.
 */
export function loadAutomaton(buffer: ArrayBufferLike): Automaton {
  if (buffer.byteLength < HEADER_WORDS * 4) throw new RangeError('not an automaton: too short');
  const [magic, layout, longestKey, states, keys, entries, runs, joints] = [...new Int32Array(buffer, 0, HEADER_WORDS)] as [number, number, number, number, number, number, number, number];
  if (magic !== MAGIC || layout !== LAYOUT) throw new RangeError('not an automaton of this layout');
  const size = { longestKey, states, keys, entries, runs, joints };
  if (layOut(size, undefined).total !== buffer.byteLength) throw new RangeError('not a whole automaton');
  return layOut(size, buffer).automaton!;
}

function layOut({ longestKey, states, keys, entries, runs, joints }: AutomatonSize, buffer: ArrayBufferLike | undefined) {
  let total = HEADER_WORDS * 4;
  const place = (count: number, width: number) => {
    const at = total;
    total += count * width;
    return at;
  };
  const ints = (count: number) => [place(count, 4), count] as const;
  const at = { nodes: ints(states * 4), out: ints(states), outLink: ints(states), entryAt: ints(keys + 2), entryRule: ints(entries), entryRuns: ints(entries), entryJoints: ints(entries) };
  const classes = place(CLASSES, 2);
  const bytes = (count: number) => [place(count, 1), count] as const;
  const small = {
    depth: bytes(states), onward: bytes(states), openAfter: bytes(states), segment: bytes(states),
    look: bytes(CLASSES), leads: bytes(LEAD_BYTES), keyLength: bytes(keys + 1), entryFlags: bytes(entries), joints: bytes(joints), runs: bytes(runs),
  };
  if (!buffer) return { total, automaton: undefined };
  const int32 = ([offset, count]: readonly [number, number]) => new Int32Array(buffer, offset, count);
  const uint8 = ([offset, count]: readonly [number, number]) => new Uint8Array(buffer, offset, count);
  const automaton: Automaton = {
    buffer,
    longestKey,
    classes: new Uint16Array(buffer, classes, CLASSES),
    nodes: int32(at.nodes), out: int32(at.out), outLink: int32(at.outLink),
    depth: uint8(small.depth), onward: uint8(small.onward), openAfter: uint8(small.openAfter), segment: uint8(small.segment),
    look: uint8(small.look), leads: uint8(small.leads), keyLength: uint8(small.keyLength),
    entryAt: int32(at.entryAt), entryRule: int32(at.entryRule), entryRuns: int32(at.entryRuns), entryJoints: int32(at.entryJoints),
    entryFlags: uint8(small.entryFlags), joints: uint8(small.joints), runs: uint8(small.runs),
  };
  return { total, automaton };
}
