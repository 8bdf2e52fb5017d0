import { describe, expect, it } from '@jest/globals';
import { compileRegex, LARGEST_PROGRAM, LONGEST_PATTERN } from './compile-regex.ts';
import { RegexRefused } from './regex-refused.ts';

function refusal(pattern: string): { kind: string; position: number } | undefined {
  try {
    compileRegex(pattern);
    return undefined;
  } catch (error) {
    if (!(error instanceof RegexRefused)) throw error;
    expect(error.message).not.toBe('');
    return { kind: error.kind, position: error.position };
  }
}

describe('compileRegex', () => {
  it.each(['abc', '[a-z]+\\d{2,4}', '(?:a|b)c?', '(?<year>\\d{4})-\\d\\d', '\\p{Script=Han}{2,}', '\\bfoo\\b', '^a.*z$', '(a+)+$', '(a|aa)+', '.*.*=.*', '\\u{1f600}|😀'])('takes %s', (pattern) => {
    expect(refusal(pattern)).toBeUndefined();
  });

  it.each([
    ['a(b', 'syntax', 3],
    ['ab**', 'syntax', 4],
    ['a\\q', 'syntax', 2],
    ['(a)b\\1', 'not_linear', 4],
    ['(?<x>a)\\k<x>', 'not_linear', 7],
    ['ab(?=c)', 'not_linear', 2],
    ['ab(?!c)', 'not_linear', 2],
    ['(?<=a)b', 'not_linear', 0],
    ['(?<!a)b', 'not_linear', 0],
    ['<.*?>', 'not_linear', 3],
    ['a(?i:b)', 'not_linear', 1],
    ['a*', 'matches_empty', 0],
    ['a|', 'matches_empty', 2],
    ['ab|(?:c?|d)', 'matches_empty', 3],
    ['^$', 'matches_empty', 0],
    ['\\b', 'matches_empty', 0],
    ['(?:){1000000000}', 'matches_empty', 0],
    ['a{1001}', 'too_large', 0],
    ['((a{20}){20}){20}', 'too_large', 2],
  ])('refuses %s: %s at %i', (pattern, kind, position) => {
    expect(refusal(pattern)).toEqual({ kind, position });
  });

  it('bounds the length of an expression and of its program', () => {
    expect(refusal('a'.repeat(LONGEST_PATTERN))).toBeUndefined();
    expect(refusal('a'.repeat(LONGEST_PATTERN + 1))).toEqual({ kind: 'too_long', position: LONGEST_PATTERN });
    expect(refusal(`a{${LARGEST_PROGRAM - 1}}`)).toBeUndefined();
    expect(refusal(`a{${LARGEST_PROGRAM}}`)).toEqual({ kind: 'too_large', position: 0 });
    expect(refusal('(?:a{2147483647}){2147483647}')?.kind).toBe('too_large');
  });

  it('does not repeat the expression in what it says of its syntax', () => {
    expect(() => compileRegex('secret(')).toThrow(/^(?!.*secret)/);
  });
});
