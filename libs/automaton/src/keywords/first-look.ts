import { DROPPED, NOISE } from '../normalise/unit-buffer.ts';
import { ANYWHERE, NOWHERE } from './automaton.ts';
import { LEET, SKIPPED, UNIT_KIND, WORD } from './unit-kind.ts';

/*
 * What a scan wants to know of a unit while it follows nothing, in one byte, and of the units behind it, in one bit: most
 * places of a text are left behind without a look at the states.
 */

/** A key may begin with it, or with a letter that it is read as; `BEGINS_ANYWHERE`: also inside of a word. */
export const BEGINS = 1;
export const BEGINS_ANYWHERE = 2;
/** Belongs to a word with its neighbours. */
export const IN_WORD = 4;
/** Changes nothing of what stands before the next. */
export const UNSEEN = 8;
/** Stands for nothing, or may be read as something else. */
export const IRREGULAR = 16;
/** It is a key by itself. */
export const WHOLE = 32;

/** Leaves as many bits of a hash as `leads` has. */
const LEAD_SHIFT = 13;
/** The odd number next to 2^32 divided by the golden ratio (Knuth, The Art of Computer Programming, 6.4): its products spread over their high bits. */
const GOLDEN = 0x9e3779b1;

const hashOfTwo = (first: number, second: number): number => Math.imul((first << 16) | second, GOLDEN) >>> LEAD_SHIFT;
const hashOfThree = (first: number, second: number, third: number): number => Math.imul(Math.imul((first << 16) | second, GOLDEN) ^ third, GOLDEN) >>> LEAD_SHIFT;
/** Of two units that are a key: as if a unit followed that no text has. */
const wholeOfTwo = (first: number, second: number): number => hashOfThree(first, second, NOISE);

const has = (leads: Uint8Array, hash: number): boolean => (leads[hash >>> 3]! & (1 << (hash & 7))) !== 0;
const put = (leads: Uint8Array, hash: number): void => void (leads[hash >>> 3]! |= 1 << (hash & 7));

/** Whether a key of more than one unit may begin with these two. */
export const mayLead = (leads: Uint8Array, first: number, second: number): boolean => has(leads, hashOfTwo(first, second));

/** Whether two units that may lead may be a key. */
export const mayBeWhole = (leads: Uint8Array, first: number, second: number): boolean => has(leads, wholeOfTwo(first, second));

/** Whether a key may begin with these three units. */
export const mayLeadByThree = (leads: Uint8Array, first: number, second: number, third: number): boolean => has(leads, hashOfThree(first, second, third));

export function writeLeads(leads: Uint8Array, keys: readonly string[]): void {
  for (const key of keys) {
    if (key.length === 1) continue;
    const [first, second] = [key.charCodeAt(0), key.charCodeAt(1)];
    put(leads, hashOfTwo(first, second));
    put(leads, key.length === 2 ? wholeOfTwo(first, second) : hashOfThree(first, second, key.charCodeAt(2)));
  }
}

/** @param begins by unit, where keys may begin with it */
export function writeLook(look: Uint8Array, begins: Uint8Array, keys: readonly string[]): void {
  for (let unit = 0; unit < look.length; unit++) {
    const kind = UNIT_KIND[unit]!;
    look[unit] = (begins[unit] === NOWHERE ? 0 : begins[unit] === ANYWHERE ? BEGINS | BEGINS_ANYWHERE : BEGINS)
      | (kind & WORD ? IN_WORD : 0) | (kind & (SKIPPED | LEET) ? IRREGULAR : 0) | (unit === DROPPED ? UNSEEN : 0);
  }
  for (const key of keys) if (key.length === 1) look[key.charCodeAt(0)]! |= WHOLE;
}
