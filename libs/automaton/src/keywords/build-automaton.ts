import { TRACKS } from '../normalise/tracks.ts';
import { AFTER_BOUNDARY, ANYWHERE, CHECK, COLLAPSED, ENDS, ENDS_ANYWHERE, ENDS_WORD, FAIL, FREE, HIT, LEFT, RIGHT, allocate, type Automaton } from './automaton.ts';
import { writeLeads, writeLook } from './first-look.ts';
import { FreeSlots } from './free-slots.ts';
import { KeywordsRefused } from './keywords-refused.ts';

/** What is reported when a key was found. */
export interface KeyEntry {
  readonly rule: number;
  readonly flags: number;
  /** How often each unit of a collapsed word must stand at least. */
  readonly runs?: readonly number[];
  /** Of each unit of the word, whether white space may stand before it; absent when it may nowhere, or everywhere. */
  readonly joints?: readonly boolean[];
}

/** A key is a word in normalised units, of at most so many: depths are bytes. */
export const MAX_KEY_UNITS = 255;

/** Units of all keys of one automaton: each takes up to a state of 28 bytes, and three times that while it is built. */
export const MAX_UNITS = 6_000_000;

interface Trie {
  /** States in breadth-first order, the root first; what lies behind `count` is unused. */
  readonly order: Int32Array;
  readonly parent: Int32Array;
  readonly edge: Uint16Array;
  readonly base: Int32Array;
  readonly key: Int32Array;
  readonly depth: Uint8Array;
  readonly count: number;
  readonly slots: number;
}

/** Builds the automaton of keys; in linear time but for a bounded search of places. Keys are 1 to 255 units long. Errors: `KeywordsRefused`, before anything is built. */
export function buildAutomaton(entries: ReadonlyMap<string, readonly KeyEntry[]>, maxUnits = MAX_UNITS): Automaton {
  const keys = [...entries.keys()];
  const total = keys.reduce((sum, { length }) => sum + length, 0);
  if (total > maxUnits) throw new KeywordsRefused(`with all of their forms the words have ${total} characters, and there is room for ${maxUnits}`);
  keys.sort();
  const { classes, units } = classify(keys);
  const trie = placeStates(keys, classes, units);
  const longestKey = keys.reduce((longest, { length }) => Math.max(longest, length), 0);
  let entryCount = 0;
  let runCount = 0;
  let jointCount = longestKey;
  for (const of of entries.values()) for (const entry of of) {
    entryCount++;
    runCount += entry.runs?.length ?? 0;
    jointCount += entry.joints?.length ?? 0;
  }
  const automaton = allocate({ longestKey, states: trie.slots, keys: keys.length, entries: entryCount, runs: runCount, joints: jointCount });
  automaton.classes.set(classes);
  writeEntries(automaton, keys, entries);
  link(automaton, trie);
  lookOnward(automaton, trie);
  findBeginnings(automaton, keys);
  writeLeads(automaton.leads, keys);
  findSegments(automaton, trie, keys, entries);
  return automaton;
}

/** Frequent units get small classes: the double array packs better. */
function classify(keys: readonly string[]): { classes: Uint16Array; units: number } {
  const frequency = new Uint32Array(0x10000);
  const used: number[] = [];
  let units = 1;
  for (const key of keys) {
    for (let i = 0; i < key.length; i++) if (frequency[key.charCodeAt(i)]!++ === 0) used.push(key.charCodeAt(i));
    units += key.length;
  }
  used.sort((a, b) => frequency[b]! - frequency[a]!);
  const classes = new Uint16Array(0x10000);
  for (const [index, unit] of used.entries()) classes[unit] = index + 1;
  return { classes, units };
}

/** Breadth first over the sorted keys: the keys of one state are a range, its children the parts of the range with one unit. */
function placeStates(keys: readonly string[], classes: Uint16Array, maxStates: number): Trie {
  const parent = new Int32Array(maxStates);
  const edge = new Uint16Array(maxStates);
  const key = new Int32Array(maxStates);
  const depth = new Uint8Array(maxStates);
  const from = new Int32Array(maxStates);
  const to = new Int32Array(maxStates);
  const firstChild = new Int32Array(maxStates + 1);
  to[0] = keys.length;
  let count = 1;
  for (let index = 0; index < count; index++) {
    const level = depth[index]!;
    let low = from[index]!;
    const high = to[index]!;
    firstChild[index] = count;
    if (low < high && keys[low]!.length === level) key[index] = ++low;
    while (low < high) {
      const unit = keys[low]!.charCodeAt(level);
      const start = low;
      while (low < high && keys[low]!.charCodeAt(level) === unit) low++;
      parent[count] = index;
      edge[count] = classes[unit]!;
      depth[count] = level + 1;
      from[count] = start;
      to[count++] = low;
    }
  }
  firstChild[count] = count;
  const { base, order, slots } = placeChildren(firstChild, edge, count);
  return { order, parent, edge, base, key, depth, count, slots };
}

/** States with many children first: what leads on by one unit alone fills the holes that they leave. */
function placeChildren(firstChild: Int32Array, edge: Uint16Array, count: number): { base: Int32Array; order: Int32Array; slots: number } {
  const children = (index: number) => firstChild[index + 1]! - firstChild[index]!;
  const parents = new Int32Array(count).map((_, index) => index).filter((index) => children(index) > 1).sort((a, b) => children(b) - children(a));
  const slots = new FreeSlots(count * 2);
  const base = new Int32Array(count);
  const order = new Int32Array(count);
  const sorted = new Uint16Array(count);
  const place = (index: number) => {
    const first = firstChild[index]!;
    const wanted = children(index);
    for (let child = 0; child < wanted; child++) sorted[child] = edge[first + child]!;
    if (wanted > 1) sorted.subarray(0, wanted).sort();
    base[index] = slots.place(sorted, wanted);
    for (let child = 0; child < wanted; child++) order[first + child] = base[index]! + edge[first + child]!;
  };
  for (const index of parents) place(index);
  for (let index = 0; index < count; index++) if (children(index) === 1) place(index);
  return { base, order, slots: slots.used + edge.reduce((largest, unitClass) => Math.max(largest, unitClass), 0) + 1 };
}

/** Writes the states and their links, parents before children. */
function link(automaton: Automaton, trie: Trie): void {
  const { nodes, out, outLink, depth } = automaton;
  for (let node = CHECK; node < nodes.length; node += 4) nodes[node] = -1;
  for (let index = 0; index < trie.count; index++) {
    const state = trie.order[index]!;
    nodes[4 * state] = trie.base[index]!;
    depth[state] = trie.depth[index]!;
    out[state] = trie.key[index]!;
    if (index > 0) nodes[4 * state + CHECK] = trie.order[trie.parent[index]!]!;
  }
  for (let index = 1; index < trie.count; index++) {
    const state = trie.order[index]!;
    const unitClass = trie.edge[index]!;
    let suffix = 0;
    if (trie.depth[index]! > 1) {
      let candidate = nodes[4 * trie.order[trie.parent[index]!]! + FAIL]!;
      for (;;) {
        const next = nodes[4 * candidate]! + unitClass;
        if (nodes[4 * next + CHECK] === candidate) {
          suffix = next;
          break;
        }
        if (candidate === 0) break;
        candidate = nodes[4 * candidate + FAIL]!;
      }
    }
    nodes[4 * state + FAIL] = suffix;
    outLink[state] = out[suffix] ? suffix : outLink[suffix]!;
    nodes[4 * state + HIT] = out[state] ? ENDS | endings(automaton, out[state]!) : outLink[state] ? ENDS : 0;
  }
}

/** How the entries of a key may end, as they are written. */
function endings({ entryAt, entryFlags }: Automaton, key: number): number {
  let endings = 0;
  for (let entry = entryAt[key]!; entry < entryAt[key + 1]!; entry++) {
    if (!(entryFlags[entry]! & COLLAPSED)) endings |= entryFlags[entry]! & RIGHT ? ENDS_WORD : ENDS_ANYWHERE;
  }
  return endings;
}

/** Children before parents: where longer keys may begin. */
function lookOnward(automaton: Automaton, trie: Trie): void {
  const { onward } = automaton;
  for (let index = trie.count - 1; index > 0; index--) {
    const parent = trie.order[trie.parent[index]!]!;
    onward[parent] = Math.max(onward[parent]!, levelOf(automaton, trie.order[index]!));
  }
}

/** Where the keys may begin that begin with what leads to a state, or are that. */
function levelOf({ onward, out, entryAt, entryFlags }: Automaton, state: number): number {
  const key = out[state]!;
  let level = onward[state]!;
  if (key !== 0) for (let entry = entryAt[key]!; entry < entryAt[key + 1]!; entry++) level = Math.max(level, entryFlags[entry]! & LEFT ? AFTER_BOUNDARY : ANYWHERE);
  return level;
}

/** Signs that are read as letters. */
const SIGNS = Array.from({ length: 0x10000 }, (_, unit) => unit).filter((unit) => TRACKS.leetI[unit] !== unit);

function findBeginnings(automaton: Automaton, keys: readonly string[]): void {
  const { look, classes, nodes } = automaton;
  const begins = new Uint8Array(look.length);
  for (const key of keys) begins[key.charCodeAt(0)] ||= levelOf(automaton, nodes[0]! + classes[key.charCodeAt(0)]!);
  for (const sign of SIGNS) begins[sign] = Math.max(begins[sign]!, begins[TRACKS.leetI[sign]!]!, begins[TRACKS.leetL[sign]!]!);
  writeLook(look, begins, keys);
}

/** Takes each word from its first unit to its last: which of its units white space may part. */
function findSegments({ openAfter, segment }: Automaton, trie: Trie, keys: readonly string[], entries: ReadonlyMap<string, readonly KeyEntry[]>): void {
  segment.fill(MAX_KEY_UNITS);
  const path = new Int32Array(MAX_KEY_UNITS + 1);
  for (let index = 1; index < trie.count; index++) {
    if (trie.key[index] === 0) continue;
    const units = trie.depth[index]!;
    for (let at = index, depth = units; depth > 0; at = trie.parent[at]!) path[depth--] = trie.order[at]!;
    for (const { flags, joints } of entries.get(keys[trie.key[index]! - 1]!)!) {
      const level = flags & LEFT ? AFTER_BOUNDARY : ANYWHERE;
      for (let depth = 1, length = 0; depth <= units; depth++) {
        const open = (flags & FREE) !== 0 || joints?.[depth - 1] === true;
        length = open ? 1 : length + 1;
        segment[path[depth]!] = Math.min(segment[path[depth]!]!, length);
        if (open && depth > 1) openAfter[path[depth - 1]!] = Math.max(openAfter[path[depth - 1]!]!, level);
      }
    }
  }
}

function writeEntries(automaton: Automaton, keys: readonly string[], entries: ReadonlyMap<string, readonly KeyEntry[]>): void {
  let entry = 0;
  let run = 0;
  let joint = automaton.longestKey;
  for (const [index, key] of keys.entries()) {
    automaton.keyLength[index + 1] = key.length;
    automaton.entryAt[index + 1] = entry;
    for (const { rule, flags, runs, joints } of entries.get(key)!) {
      automaton.entryRule[entry] = rule;
      automaton.entryFlags[entry] = flags;
      automaton.entryRuns[entry] = run;
      if (runs) {
        automaton.runs.set(runs, run);
        run += runs.length;
      }
      if (joints) {
        automaton.entryJoints[entry] = joint;
        for (const open of joints) automaton.joints[joint++] = open ? 1 : 0;
      }
      entry++;
    }
  }
  automaton.entryAt[keys.length + 1] = entry;
}
