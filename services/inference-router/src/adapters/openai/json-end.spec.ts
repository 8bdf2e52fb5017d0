import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { JsonEnd } from './json-end.ts';

const after = (...pieces: string[]): boolean => {
  const end = new JsonEnd();
  for (const piece of pieces) end.push(piece);
  return end.isComplete;
};
const parses = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

describe('the end of a JSON text', () => {
  it('is where JSON.parse first takes it, at every prefix and however it is cut', () => {
    const container = fc.oneof(fc.array(fc.jsonValue(), { maxLength: 4 }), fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue(), { maxKeys: 4 }), fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(container, fc.constantFrom(0, 2), fc.constantFrom('', ' ', '\r\n\t'), fc.nat(20), (value, indent, space, step) => {
        const text = `${space}${JSON.stringify(value, null, indent)}${space}`;
        const end = new JsonEnd();
        for (let at = 0; at < text.length; at += step + 1) {
          end.push(text.slice(at, at + step + 1));
          expect(end.isComplete).toBe(parses(text.slice(0, at + step + 1)));
        }
        end.push('x');
        expect(end.isComplete).toBe(false);
        end.push(text);
        expect(end.isComplete).toBe(false);
      }),
    );
  });

  it.each(['', ' ', 'SELECT 1', '1', 'true', '}', '{', '{"a":"}', '{"a":"\\"}', '"\\"', '{}{}', '{} ""', '""1'])('is not in %j', (text) => {
    expect(after(text)).toBe(false);
    expect(after(...text)).toBe(false);
  });
});
