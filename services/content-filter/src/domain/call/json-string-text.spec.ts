import { describe, expect, it } from '@jest/globals';
import { JsonStringText } from './json-string-text.ts';
import { MASK, ScriptedPolicy } from './testing/scripted-policy.ts';

const policy = new ScriptedPolicy([{ word: 'abc', action: 'mask' }, { word: 'xy', action: 'flag' }, { word: 'bad', action: 'block' }]);
const open = (start = 0): JsonStringText => new JsonStringText(policy.open('out'), (rule) => policy.rule(rule).action === 'mask', start);

/** Reads a piece up to the closing quote, and gives what leaves. */
function read(string: JsonStringText, piece: string): string {
  expect(string.read(piece, 0)).toBe(piece.length);
  return string.release().text;
}

describe('text of a JSON string', () => {
  it('stops at the quote that closes it, not at an escaped one', () => {
    const string = open();
    expect(string.read('a\\"b\\\\"rest', 0)).toBe(6);
    expect(string.end().text).toBe('a\\"b\\\\');
    expect(open().read('"', 0)).toBe(0);
    expect(open().read('xx"', 2)).toBe(2);
  });

  it('keeps its source until the first mask, and is written anew from there', () => {
    const string = open();
    expect(read(string, '\\u0041\\/')).toBe('\\u0041\\/');
    expect(read(string, '\\u0061bc\\u0041')).toBe(`${MASK}A`);
    expect(read(string, '\\u0022\\ud83d')).toBe('\\"\\ud83d');
    expect(read(string, '\\ude00')).toBe('\\ude00');
  });

  it('holds an escape until it is whole', () => {
    const string = open();
    for (const piece of ['\\', 'u', '0', '0', '6']) expect(read(string, piece)).toBe('');
    expect(string.held).toBe(5);
    expect(read(string, '6')).toBe('\\u0066');
    expect(string.held).toBe(0);
  });

  it('tells matches by their place in the whole source, also of what left long before', () => {
    const string = open(100);
    string.read('\\u0078', 0);
    expect(string.release()).toEqual({ text: '\\u0078', matches: [] });
    string.read('\\u0079 abc', 0);
    expect(string.release().matches).toEqual([{ rule: 1, start: 100, end: 112, text: 'xy' }, { rule: 0, start: 113, end: 116, text: 'abc' }]);
  });

  it('says no more than what stands before a blocked word', () => {
    const string = open();
    string.read('\\u006f abc b\\u0061d', 0);
    expect(string.end()).toMatchObject({ text: `\\u006f ${MASK} `, blockedBy: 2 });
  });

  it('forgets old escapes, and still finds its place', () => {
    const string = open();
    expect(read(string, '\\u0041'.repeat(20_000))).toHaveLength(120_000);
    expect(read(string, '\\u0061bc')).toBe(MASK);
  });
});
