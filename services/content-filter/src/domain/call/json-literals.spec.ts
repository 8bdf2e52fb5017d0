import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { JsonEdits, jsonLiterals, JsonPath, memberCount, numberTexts } from './json-literals.ts';
import { jsonSource } from './testing/json-source.ts';

/** All names, strings and numbers of a parsed value. */
function stringsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value === 'number') return [String(value)];
  if (typeof value !== 'object' || value === null) return [];
  return Array.isArray(value) ? value.flatMap(stringsOf) : Object.entries(value).flatMap(([name, member]) => [name, ...stringsOf(member)]);
}

describe('JSON literals', () => {
  it('are all names, strings and numbers of a text', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (source) => {
        const found = [...jsonLiterals(source, new JsonPath())].map(({ kind, start, end, text }) => {
          expect(JSON.parse(source.slice(start, end))).toBe(kind === 'number' ? Number(text) : text);
          return kind === 'number' ? String(Number(text)) : text;
        });
        expect(found.sort()).toEqual(stringsOf(JSON.parse(source)).sort());
      }),
    );
  });

  it('say where they stand', () => {
    const root = new JsonPath();
    const source = '[{"content":[{"text":"a"},{"b":{"c\\u0064":-1.5e+3}}]},"e",2]';
    const message = root.elements;
    const part = message.member('content').elements;
    expect([...jsonLiterals(source, root)].map(({ kind, place, text, index }) => [kind, place, text, index])).toEqual([
      ['name', message, 'content', 0],
      ['name', part, 'text', 0],
      ['string', part.member('text'), 'a', 0],
      ['name', part, 'b', 0],
      ['name', part.member('b'), 'cd', 0],
      ['number', part.member('b').member('cd'), '-1.5e+3', 0],
      ['string', message, 'e', 1],
      ['number', message, '2', 2],
    ]);
    expect([...jsonLiterals('"x"', root)]).toEqual([{ kind: 'string', start: 0, end: 3, place: root, text: 'x', index: 0, within: 0, around: 0 }]);
    expect([...jsonLiterals('1', root)]).toEqual([{ kind: 'number', start: 0, end: 1, place: root, text: '1', index: 0, within: 0, around: 0 }]);
    expect([...jsonLiterals('[true,false,null]', root)]).toEqual([]);
  });

  it('knows which of them stand in one object', () => {
    const within = [...jsonLiterals('[{"a":"b","c":{"d":1},"e":["f","g"]},{"h":"i"},"j"]', new JsonPath())].map(({ text, within: number, around }) => [text, number, around]);
    expect(within).toEqual([['a', 2, 1], ['b', 2, 1], ['c', 2, 1], ['d', 3, 2], ['1', 3, 2], ['e', 2, 1], ['f', 4, 2], ['g', 4, 2], ['h', 5, 1], ['i', 5, 1], ['j', 1, 0]]);
  });

  it('have one place for each way of names, whatever stands in the names', () => {
    const root = new JsonPath();
    expect(root.member('a').member('b')).toBe(root.member('a').member('b'));
    expect(root.elements.member('')).toBe(root.elements.member(''));
    expect(new Set([root, root.member('a.b'), root.member('a').member('b'), root.member('*'), root.elements, root.member('')]).size).toBe(6);
  });

  it('know how many members there are, also of one name', () => {
    expect(['{"a:":1,"a:":{"b":[{"c":":"}]}}', '[]', '":"'].map(memberCount)).toEqual([4, 0, 0]);
  });

  it('know what a number may be printed as', () => {
    expect(['41', '41.0', '4.1e1', '410E-1', '0.5', '1e400', '41111111111111111111'].map(numberTexts)).toEqual([['41'], ['41.0', '41'], ['4.1e1', '41'], ['410E-1', '41'], ['0.5'], ['1e400'], ['41111111111111111111']]);
  });

  it('can be written anew, and what is between them stays', () => {
    fc.assert(
      fc.property(jsonSource, fc.array(fc.boolean(), { minLength: 1 }), (source, picks) => {
        const edits = new JsonEdits(source);
        const pieces: string[] = [];
        let at = 0;
        [...jsonLiterals(source, new JsonPath())].forEach((literal, index) => {
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
    expect(() => [...jsonLiterals('['.repeat(129), new JsonPath())]).toThrow(expect.objectContaining({ code: 'content_filter_unavailable' }));
    expect(() => [...jsonLiterals('["x', new JsonPath())]).toThrow(SyntaxError);
  });
});
