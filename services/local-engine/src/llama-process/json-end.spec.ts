import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { JsonEnd } from './json-end.ts';

const values = fc.oneof(fc.object(), fc.array(fc.jsonValue()), fc.string(), fc.constantFrom('"', '\\', '\\"', '}]', '{"'));

describe('JsonEnd', () => {
  it('sees the end with the last character of the value and not before, however it is cut into pieces', () => {
    fc.assert(
      fc.property(values, fc.constantFrom(0, 2), fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }), (value, indent, lengths) => {
        const text = JSON.stringify(value, undefined, indent);
        const end = new JsonEnd();
        for (let from = 0, piece = 0; from < text.length; piece++) {
          const to = Math.min(text.length, from + lengths[piece % lengths.length]!);
          expect(end.push(text.slice(from, to))).toBe(to === text.length);
          from = to;
        }
      }),
    );
  });

  it('sees it, too, when white space comes with it', () => {
    expect(new JsonEnd().push(' {"a": [1]} \n')).toBe(true);
  });

  it('never sees the end of a number or a word', () => {
    for (const text of ['12', 'true', 'null', '-1.5e3']) expect(new JsonEnd().push(text)).toBe(false);
  });

  it('sees the end of a long text of many strings, and none before', () => {
    const end = new JsonEnd();
    const pieces = ['[', ...Array.from({ length: 100_000 }, () => '"a",'), '1]'];
    expect(pieces.findIndex((piece) => end.push(piece))).toBe(pieces.length - 1);
  });
});
