import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseExactly } from './exact-json.ts';

describe('parseExactly', () => {
  it.each(['12345678901234567890', '1.0', '-0', '1e-400', '0.1000', '1E5', '[{"seed":9007199254740993,"n":1}]'])('gives %s back as it was', (text) => {
    expect(JSON.stringify(parseExactly(text))).toBe(text);
  });

  it('is JSON.parse for everything that this language holds', () => {
    fc.assert(fc.property(fc.json(), (text) => {
      const plain = JSON.stringify(JSON.parse(text));
      expect(parseExactly(plain)).toEqual(JSON.parse(plain));
    }));
  });

  it('refuses what is not JSON', () => {
    expect(() => parseExactly('{"a":')).toThrow(SyntaxError);
  });
});
