import { describe, expect, it } from '@jest/globals';
import { checkRule, MAX_CHARACTERS, MAX_REGEX_CHARACTERS, MAX_TITLE_CHARACTERS, MAX_WORD_CHARACTERS, MAX_WORDS, type GivenRule } from './check-rule.ts';
import { PII_TYPES } from './rule.ts';

const given = (more: Partial<GivenRule> = {}): GivenRule => ({ kind: 'word', patterns: ['badger'], action: 'block', direction: undefined, title: '', ...more });
const fault = (more: Partial<GivenRule>): unknown => {
  try {
    return checkRule(given(more));
  } catch (thrown) {
    return thrown;
  }
};

describe('checkRule', () => {
  it('looks both ways, and has a title that tells nothing, when nothing else is said', () => {
    expect(checkRule(given())).toEqual({ kind: 'word', patterns: ['badger'], action: 'block', direction: 'both', title: 'keyword rule' });
    expect(checkRule(given({ action: 'allow' })).title).toBe('allowed words');
    expect(checkRule(given({ kind: 'regex', patterns: ['a|b'] })).title).toBe('pattern rule');
    for (const type of PII_TYPES) expect(checkRule(given({ kind: `pii:${type}`, patterns: [] })).title).toBe(`pii:${type}`);
  });

  it('keeps each word once, without the blanks around it', () => {
    expect(checkRule(given({ patterns: [' two words', 'one', 'two words ', 'one'] })).patterns).toEqual(['two words', 'one']);
  });

  it('leaves an expression as it is', () => {
    expect(checkRule(given({ kind: 'regex', patterns: [' a '] })).patterns).toEqual([' a ']);
  });

  it('takes what is as large as it may be', () => {
    const words = Array.from({ length: MAX_WORDS }, (_, index) => `${index}`.padStart(MAX_CHARACTERS / MAX_WORDS, 'x'));
    expect(checkRule(given({ patterns: words })).patterns).toHaveLength(MAX_WORDS);
    expect(() => checkRule(given({ patterns: [`${words[0]!}x`, ...words.slice(1)] }))).toThrow(/`patterns`: .* at most 2000000 characters together, and these have 2000001; leave out/);
    expect(checkRule(given({ patterns: ['x'.repeat(MAX_WORD_CHARACTERS)] })).patterns).toHaveLength(1);
    checkRule(given({ kind: 'regex', patterns: ['x'.repeat(MAX_REGEX_CHARACTERS)], title: 't'.repeat(MAX_TITLE_CHARACTERS) }));
  });

  it.each<[Partial<GivenRule>, string, string?]>([
    [{ kind: 'words' }, 'kind'],
    [{ kind: 'pii:name', patterns: [] }, 'kind'],
    [{ kind: 'pii:', patterns: [] }, 'kind'],
    [{ action: undefined }, 'action', 'missing_required_parameter'],
    [{ action: 'allow', kind: 'regex' }, 'action'],
    [{ action: 'allow', kind: 'pii:ip', patterns: [] }, 'action'],
    [{ patterns: [] }, 'patterns', 'missing_required_parameter'],
    [{ patterns: ['badger', ' '] }, 'patterns'],
    [{ patterns: ['bad\nger'] }, 'patterns'],
    [{ patterns: ['badger\u0000'] }, 'patterns'],
    [{ patterns: ['badger'.repeat(MAX_WORD_CHARACTERS)] }, 'patterns'],
    [{ patterns: Array.from({ length: MAX_WORDS + 1 }, String) }, 'patterns'],
    [{ kind: 'regex', patterns: ['badger', 'b'] }, 'patterns'],
    [{ kind: 'regex', patterns: [''] }, 'patterns'],
    [{ kind: 'regex', patterns: ['badger'.repeat(MAX_REGEX_CHARACTERS)] }, 'patterns'],
    [{ kind: 'pii:email' }, 'patterns'],
    [{ title: 'x'.repeat(MAX_TITLE_CHARACTERS + 1) }, 'title'],
    [{ title: 'a\nb' }, 'title'],
  ])('refuses %j, names the field and quotes no pattern', (more, param, code = 'invalid_value') => {
    const refusal = fault(more);
    expect(refusal).toMatchObject({ code, param });
    expect(String(refusal)).not.toContain('badger');
  });
});
