import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readJsonMembers, shownName } from './json-members.ts';

describe('the members of a JSON object', () => {
  it('have the bytes that parse to their values, whatever the object and its white space', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 5, stringUnit: 'grapheme' })), fc.constantFrom(undefined, 1, '\t', '\r\n'), (object, indent) => {
        const { value, bytes } = readJsonMembers(Buffer.from(JSON.stringify(object, undefined, indent)));
        expect([...bytes.keys()].sort()).toEqual(Object.keys(value).sort());
        for (const [name, part] of bytes) expect(JSON.parse(part.toString())).toEqual(value[name]);
      }),
      { numRuns: 300 },
    );
  });

  it('are told apart when their names are written with escapes', () => {
    expect([...readJsonMembers(Buffer.from('{"\\u0061":1,"b\\"":2}')).bytes.keys()]).toEqual(['a', 'b"']);
    expect(() => readJsonMembers(Buffer.from('{"a":1,"\\u0061":2}'))).toThrow("Duplicate parameter: 'a'.");
  });

  it.each(['', ' ', '[]', '1', 'null', '"x"', '{', '{"a"}', '{"a":}', '{"a":1,}', '{"a":1}}', '{"a":"\u0001"}', '{"a":1}{"b":2}'])('are refused for %j', (body) => {
    expect(() => readJsonMembers(Buffer.from(body))).toThrow('We could not parse the JSON body');
  });

  it('show a name without what could harm a record or a terminal', () => {
    expect(shownName('a\u0000b\u001b[31m\u202e')).toBe('a?b?[31m?');
    expect(shownName('x'.repeat(1000))).toHaveLength(67);
  });
});
