import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodedLiteral, JsonEdits, jsonLiterals, JsonPath } from './json-literals.ts';
import { jsonSource } from './testing/json-source.ts';

/** All strings of a parsed value, in order. */
function stringsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Array.isArray(value) ? value.flatMap(stringsOf) : Object.entries(value).flatMap(([name, member]) => [name, ...stringsOf(member)]);
}

describe('JSON literals', () => {
  it('are all strings of a text', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (source) => {
        const found = [...jsonLiterals(source)].map(({ start, end }) => decodedLiteral(source, start, end));
        expect(found.sort()).toEqual(stringsOf(JSON.parse(source)).sort());
      }),
    );
  });

  it('say where they stand', () => {
    const source = '[{"content":[{"text":"a"},{"b":{"c\\u0064":"d"}}]},"e"]';
    const found = [...jsonLiterals(source, new JsonPath('messages'))].map(({ path, name, isName, index }) => [path.text, name, isName, index]);
    expect(found).toEqual([
      ['messages.*', 'content', true, 0],
      ['messages.*.content.*', 'text', true, 0],
      ['messages.*.content.*.text', 'text', false, 0],
      ['messages.*.content.*', 'b', true, 0],
      ['messages.*.content.*.b', 'cd', true, 0],
      ['messages.*.content.*.b.cd', 'cd', false, 0],
      ['messages.*', '', false, 1],
    ]);
    const user = new JsonPath('user');
    expect([...jsonLiterals('"x"', user)]).toEqual([{ start: 0, end: 3, path: user, name: '', isName: false, index: 0 }]);
    expect(user.step('a').step('*')).toBe(user.step('a').step('*'));
  });

  it('can be written anew, and what is between them stays', () => {
    fc.assert(
      fc.property(jsonSource, fc.array(fc.boolean(), { minLength: 1 }), (source, picks) => {
        const edits = new JsonEdits(source);
        const pieces: string[] = [];
        let at = 0;
        [...jsonLiterals(source)].forEach((literal, index) => {
          const isPicked = picks[index % picks.length]!;
          if (isPicked) edits.replace(literal, 'new "text"');
          pieces.push(source.slice(at, literal.start), isPicked ? '"new \\"text\\""' : source.slice(literal.start, literal.end));
          at = literal.end;
        });
        expect(Buffer.from(edits.bytes()).toString()).toBe(pieces.join('') + source.slice(at));
      }),
    );
  });

  it('refuse what nests deeper than any request may, and what never ends', () => {
    expect(() => [...jsonLiterals('['.repeat(129))]).toThrow(expect.objectContaining({ code: 'content_filter_unavailable' }));
    expect(() => [...jsonLiterals('["x')]).toThrow(SyntaxError);
  });
});
