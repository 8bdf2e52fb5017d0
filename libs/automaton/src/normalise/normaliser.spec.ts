import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { normalise } from './normalise.ts';
import { Normaliser } from './normaliser.ts';
import { DROPPED, NOISE, SPACE, UnitBuffer } from './unit-buffer.ts';

interface Unit {
  readonly unit: number;
  readonly start: number;
  readonly end: number;
}

const listed = (buffer: UnitBuffer): Unit[] =>
  Array.from({ length: buffer.length }, (_, at) => ({ unit: buffer.units[at]!, start: buffer.starts[at]!, end: buffer.ends[at]! }));

function units(pieces: readonly string[]): Unit[] {
  const buffer = new UnitBuffer();
  const normaliser = new Normaliser();
  for (const piece of pieces) normaliser.push(piece, buffer);
  normaliser.end(buffer);
  return listed(buffer);
}

const spelled = (text: string) => units([text]).map(({ unit }) => (unit === NOISE ? '<n>' : unit === SPACE ? '<s>' : unit === DROPPED ? '<d>' : String.fromCharCode(unit))).join('');

function cut(text: string, cuts: readonly number[]): string[] {
  const places = [0, ...cuts.map((place) => place % (text.length + 1)).sort((a, b) => a - b), text.length];
  return places.slice(1).map((place, index) => text.slice(places[index], place));
}

/** Every kind of entry: plain, expansion, Hangul, beyond the BMP with each of them, marks, tags, halves of pairs. */
const kinds = fc.constantFrom(
  'a', 'Z', '7', ' ', '*', '中', '輪', '한', '가', 'ﬁ', 'ﷺ', 'é', '\u0301', '\u200b', '😀', '𝐚', '𝔸', '\u{20000}', '\u{2f800}', '🇨',
  '\u{e0061}', '\u{e0100}', '\ud83d', '\ude00', '\ue000', '\u{f0000}', '\u0000', '\u0001', '\u0002', '٣', 'ß', '½', '\u{1f3fb}',
);
const unicode = fc.string({ unit: 'binary' });
const text = fc.oneof(fc.array(kinds, { maxLength: 12 }).map((parts) => parts.join('')), unicode, fc.string({ unit: kinds }));

describe('Normaliser', () => {
  it('gives the same units and places wherever the text is cut, also inside of a pair', () => {
    fc.assert(fc.property(text, fc.array(fc.nat(40), { maxLength: 6 }), (whole, cuts) => {
      expect(units(cut(whole, cuts))).toEqual(units([whole]));
    }), { numRuns: 1000 });
  });

  it('gives the same for every single cut of a text, and for one unit at a time', () => {
    const whole = 'x😀\ud83d한ﷺ\u{2f800}é\ude00\u{e0061}輪 e\u0301𝐚\ud83d';
    for (let place = 0; place <= whole.length; place++) {
      expect(units([whole.slice(0, place), '', whole.slice(place)])).toEqual(units([whole]));
    }
    expect(units(whole.split(''))).toEqual(units([whole]));
  });

  it('maps each code point alone: the units of a text are those of its code points, one after the other', () => {
    fc.assert(fc.property(text, (whole) => {
      let offset = 0;
      const alone = [...whole].flatMap((character) => {
        const found = units([character]).map(({ unit, start, end }) => ({ unit, start: start + offset, end: end + offset }));
        offset += character.length;
        return found;
      });
      expect(units([whole])).toEqual(alone);
    }), { numRuns: 1000 });
  });

  it('covers the text without a gap: places never move back, and every code point has at least one unit', () => {
    fc.assert(fc.property(text, (whole) => {
      const found = units([whole]);
      const wrong = found.filter(({ start, end }, index) => {
        const before = found[index - 1] ?? { start: 0, end: 0 };
        const follows = start === before.end || (index > 0 && start === before.start && end === before.end);
        return !follows || end - start !== String.fromCodePoint(whole.codePointAt(start)!).length;
      });
      expect({ wrong, until: found.at(-1)?.end ?? 0 }).toEqual({ wrong: [], until: whole.length });
    }), { numRuns: 1000 });
  });

  it('never gives a unit that stands for something else: 0, or the private use area that tracks use', () => {
    fc.assert(fc.property(text, (whole) => {
      expect(units([whole]).filter(({ unit }) => unit === 0 || (unit >= 0xe000 && unit < 0xf900))).toEqual([]);
    }), { numRuns: 1000 });
  });

  it('reads a long piece as its units one by one, half pairs among them', () => {
    const sign = fc.constantFrom('a', 'Ⓐ', 'é', '法', '각', '½', '\u200b', '😀', '\ud83d', '\ude00');
    fc.assert(fc.property(fc.array(sign, { minLength: 20, maxLength: 60 }), fc.constantFrom(1, 3, 80), (signs, times) => {
      const whole = signs.join('').repeat(times);
      expect(units([whole])).toEqual(units(whole.split('')));
    }), { numRuns: 200 });
  });

  it('says of all units together which bits they have', () => {
    const buffer = new UnitBuffer();
    fc.assert(fc.property(text, (whole) => {
      buffer.clear();
      const normaliser = new Normaliser();
      normaliser.push(whole, buffer);
      normaliser.end(buffer);
      expect(buffer.union).toBe(listed(buffer).reduce((union, { unit }) => union | unit, 0));
    }), { numRuns: 500 });
  });

  it('appends to what the caller has not cleared, and goes on counting when it has', () => {
    const buffer = new UnitBuffer();
    const normaliser = new Normaliser();
    normaliser.push('a\ud83d', buffer);
    normaliser.push('\ude00', buffer);
    expect(listed(buffer)).toEqual([{ unit: 0x61, start: 0, end: 1 }, { unit: 0xd83d, start: 1, end: 3 }, { unit: 0xde00, start: 1, end: 3 }]);
    buffer.clear();
    normaliser.push('ﬁ', buffer);
    expect(listed(buffer)).toEqual([{ unit: 0x66, start: 3, end: 4 }, { unit: 0x69, start: 3, end: 4 }]);
  });

  it('says of half a pair only at the end, once, that it is none', () => {
    const buffer = new UnitBuffer();
    const normaliser = new Normaliser();
    normaliser.push('\ud83d', buffer);
    expect(buffer.length).toBe(0);
    normaliser.end(buffer);
    normaliser.end(buffer);
    expect(listed(buffer)).toEqual([{ unit: NOISE, start: 0, end: 1 }]);
  });

  it.each([
    ['Straße', 'strasse'],
    ['…⑴㈱½', '<n>1株12'],
    ['f.u*c|k', 'f<n>u<n>c<n>k'],
    ['f\u200bu\u034fc\u{e0101}k', 'f<d>u<d>c<d>k'],
    ['法★轮│功！', '法<n>轮<n>功<n>'],
    ['c++ r&d p@$$!', 'c++<s>r&d<s>p@$$!'],
    ['m rn 0O 1lI', 'm<s>rn<s>0o<s>1li'],
    ['二〇二四', '二〇二四'],
    ['\uac01 \uac00', '\u1100\u1161\u11a8<s>\u1100\u1161'],
    ['مُحـمد أحمد', 'م<d>ح<d>مد<s>lحمد'],
    ['नमस्ते กำลัง', 'नमस्ते<s>กําลัง'],
    ['١२๓', '123'],
    ['\ue000\ud800\ufffd', '<n><n><n>'],
    ['\u0000\u0001\t\n', '<d><d><s><s>'],
  ])('reads %j as %j', (original, expected) => {
    expect(spelled(original)).toBe(expected);
  });
});

describe('normalise', () => {
  it('is what the stream gives, without what stands for nothing', () => {
    fc.assert(fc.property(text, (whole) => {
      expect([...normalise(whole)]).toEqual(units([whole]).map(({ unit }) => unit).filter((unit) => unit > SPACE));
    }));
  });
});
