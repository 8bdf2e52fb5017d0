import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RawValue } from './raw-value.ts';

const raw = (json: string, ...path: (string | number)[]): string | undefined => new RawValue(json).at(...path)?.text;

/** Every value inside a value, with its path. */
function* everyValue(value: unknown, path: readonly (string | number)[] = []): Generator<[(string | number)[], unknown]> {
  yield [[...path], value];
  if (Array.isArray(value)) for (const [index, item] of value.entries()) yield* everyValue(item, [...path, index]);
  else if (typeof value === 'object' && value !== null) for (const [name, item] of Object.entries(value)) yield* everyValue(item, [...path, name]);
}

describe('the source text of a JSON value', () => {
  it('keeps what parsing would change', () => {
    expect(raw('{"a": [ {"n" : 12345678901234567890.10 , "b":1} ] }', 'a', 0, 'n')).toBe('12345678901234567890.10');
  });

  it('is not misled by names, braces and escapes inside strings', () => {
    expect(raw('{"x":"\\"a\\":{[,","\\u0061":"}\\\\","b":2}', 'a')).toBe('"}\\\\"');
  });

  it('takes the last of equal names, as JSON.parse does', () => {
    expect(raw('{"a":1,"a":[2]}', 'a')).toBe('[2]');
  });

  it('is the whole text without a path, less the space around it', () => {
    expect(raw(' {"a":1}\n')).toBe('{"a":1}');
  });

  it('leads nowhere without a fault', () => {
    for (const path of [['b'], ['a', 5], ['a', 'x'], ['a', 0, 'deep'], [0], ['a', '0']]) expect(raw('{"a":[1]}', ...path)).toBeUndefined();
  });

  it('agrees with JSON.parse on every value inside any value, asked from one source', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.boolean(), (object, spaced) => {
        const json = JSON.stringify(object, null, spaced ? 2 : 0);
        const source = new RawValue(json);
        for (const [path, value] of everyValue(JSON.parse(json))) expect(JSON.parse(source.at(...path)!.text)).toEqual(value);
      }),
    );
  });

  it('walks over the text once, however many members are asked for', () => {
    // A walk for each of these would take minutes.
    const json = `{${Array.from({ length: 20_000 }, (_, at) => `"name ${at}":[${at}]`).join(',')}}`;
    const source = new RawValue(json);
    for (let at = 0; at < 20_000; at++) expect(source.at(`name ${at}`, 0)?.text === String(at)).toBe(true);
  });
});
