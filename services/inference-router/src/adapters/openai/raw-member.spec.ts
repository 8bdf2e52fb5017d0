import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { rawMember } from './raw-member.ts';

describe('the source text of a JSON member', () => {
  it('keeps what parsing would change', () => {
    expect(rawMember('{"a": [ {"n" : 12345678901234567890.10 , "b":1} ] }', ['a', 0, 'n'])).toBe('12345678901234567890.10');
  });

  it('is not misled by names, braces and escapes inside strings', () => {
    expect(rawMember('{"x":"\\"a\\":{[,","\\u0061":"}\\\\","b":2}', ['a'])).toBe('"}\\\\"');
  });

  it('takes the last of equal names, as JSON.parse does', () => {
    expect(rawMember('{"a":1,"a":[2]}', ['a'])).toBe('[2]');
  });

  it('leads nowhere without a fault', () => {
    for (const path of [['b'], ['a', 5], ['a', 'x'], ['a', 0, 'deep']]) expect(rawMember('{"a":[1]}', path)).toBeUndefined();
  });

  it('agrees with JSON.parse on every member of any value', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.boolean(), (object, spaced) => {
        const json = JSON.stringify(object, null, spaced ? 2 : 0);
        for (const name of Object.keys(object)) {
          expect(JSON.parse(rawMember(json, [name])!)).toEqual((JSON.parse(json) as Record<string, unknown>)[name]);
        }
      }),
    );
  });
});
