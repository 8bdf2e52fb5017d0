import { describe, expect, it } from '@jest/globals';
import { HiddenPlaces } from './hidden-places.ts';
import type { Policy, TextMatch } from './policy.ts';

const KINDS = ['word', 'regex', 'pii:email', 'pii:phone', 'word'];
const FLAG = 4;
const policy = { rule: (index: number) => ({ id: `r${index}`, kind: KINDS[index]!, action: index === FLAG ? 'flag' : 'mask', title: '' }) } as unknown as Policy;
const match = (rule: number, start: number, end: number, text = '-'.repeat(end - start)): TextMatch => ({ rule, start, end, text });

function hidden(...parts: readonly (readonly [length: number, matches: readonly TextMatch[]])[]): HiddenPlaces {
  const places = new HiddenPlaces(policy);
  let from = 0;
  for (const [length, matches] of parts) {
    places.add(matches, from);
    from += length;
  }
  return places;
}

describe('hidden places', () => {
  it('are all that masks of words and expressions cover, whichever rules they are of', () => {
    const places = hidden([10, [match(1, 6, 10), match(0, 4, 7), match(0, 7, 8)]], [5, [match(0, 0, 2), match(0, 3, 5)]]);
    for (const [start, end] of [[4, 12], [6, 10], [9, 11], [13, 15]] as const) expect([start, end, places.hides(match(3, start, end))]).toEqual([start, end, true]);
    for (const [start, end] of [[3, 12], [4, 13], [11, 14], [13, 16], [0, 1], [12, 13], [0, 15]] as const) expect([start, end, places.hides(match(0, start, end))]).toEqual([start, end, false]);
  });

  it('of personal data are the same match, and a longer one that stands whole in a part: a shorter one would show more', () => {
    const places = hidden([20, [match(1, 1, 2), match(3, 2, 13), match(1, 5, 6)]]);
    for (const [start, end] of [[2, 13], [2, 12], [4, 13], [5, 6]] as const) expect([start, end, places.hides(match(3, start, end))]).toEqual([start, end, true]);
    for (const [start, end] of [[2, 14], [1, 13], [13, 15]] as const) expect([start, end, places.hides(match(3, start, end, 'x'.repeat(end - start)))]).toEqual([start, end, false]);
    expect(places.hides(match(2, 2, 13))).toBe(false);
    expect([places.has(match(3, 2, 13)), places.has(match(3, 2, 12)), places.has(match(3, 3, 13))]).toEqual([true, false, false]);
  });

  it('of an address reach into the letters behind it, not before it and not into anything else', () => {
    const address = 'jane@example.com';
    const places = hidden([3 + address.length, [match(2, 3, 3 + address.length)]]);
    const hides = (text: string, start = 3, rule = 2): boolean => places.hides(match(rule, start, start + text.length, text));
    expect([hides(`${address}Please`), hides(`${address}Gruß`)]).toEqual([true, true]);
    expect([hides(`${address}.au`), hides(`${address}1.org`), hides(`${address}-x.org`), hides(`x${address}`, 2), hides(`${address}Please`, 3, 0)]).toEqual([false, false, false, false, false]);
  });

  it('are none where a rule only flags, although it is known what a part shows', () => {
    const places = hidden([5, []], [5, [match(FLAG, 1, 3)]]);
    expect([places.has(match(FLAG, 6, 8)), places.has(match(FLAG, 1, 3)), places.has(match(0, 6, 8)), places.hides(match(0, 6, 8))]).toEqual([true, false, false, false]);
  });
});
