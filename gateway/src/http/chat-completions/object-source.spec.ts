import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { elementsSource, memberSources } from './object-source.ts';

describe('the source of an object', () => {
  it('is found member by member, however it is laid out', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), fc.constantFrom(0, 2, '\t'), (object, space) => {
        const sources = memberSources(` ${JSON.stringify(object, undefined, space)}\r\n`);
        expect([...sources!].map(([key, { name, value }]) => [key, JSON.parse(name), JSON.parse(value)])).toEqual(Object.entries(object).map(([name, value]) => [name, name, JSON.parse(JSON.stringify(value))]));
      }),
    );
  });

  it('keeps names and values as they were written', () => {
    expect([...memberSources('{"\\u0061:": 1.50 ,"b":"}\\",:{"}')!]).toEqual([['a:', { name: '"\\u0061:"', value: '1.50' }], ['b', { name: '"b"', value: '"}\\",:{"' }]]);
  });

  it('is none of another value', () => {
    for (const source of ['[]', '7', '"{}"', 'null', '']) expect(memberSources(source)).toBeUndefined();
    expect(['{}', 'null', '[ 1 , 2 ]', '[]'].map(elementsSource)).toEqual([undefined, undefined, '1 , 2', '']);
  });
});
