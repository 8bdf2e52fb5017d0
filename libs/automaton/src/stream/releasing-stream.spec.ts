import { describe, expect, it } from '@jest/globals';
import { compileKeywords } from '../keywords/compile-keywords.ts';
import { keywordDetector } from '../keywords/keyword-detector.ts';
import type { ReleasePolicy, RuleAction } from './release-policy.ts';
import { ReleasingStream } from './releasing-stream.ts';

const compiled = compileKeywords([
  { rule: 0, words: ['法轮功', 'forbidden fruit'] },
  { rule: 1, words: ['secret', '密码'] },
  { rule: 2, words: ['hint'] },
  { rule: 3, words: ['密码学'], allow: true },
]);
const actions: RuleAction[] = ['block', 'mask', 'flag', 'allow'];
const policy = (changes: Partial<ReleasePolicy> = {}): ReleasePolicy => ({ actions, mask: (rule, text) => `[${rule}:${text.length}]`, maxHold: 1000, ...changes });
const stream = (changes: Partial<ReleasePolicy> = {}) => new ReleasingStream([keywordDetector([compiled])], policy(changes));

describe('ReleasingStream', () => {
  it('releases at once what can not become a match, and holds what can', () => {
    const subject = stream();
    expect(subject.push('我练法').text).toBe('我练');
    expect(subject.held).toBe(1);
    expect(subject.push('律').text).toBe('法律');
    expect(subject.held).toBe(0);
  });

  it('emits all before a block and nothing behind it, ever', () => {
    const subject = stream();
    expect(subject.push('a hint: 法-')).toMatchObject({ text: 'a hint: ', matches: [{ rule: 2, start: 2, end: 6, text: 'hint' }] });
    expect(subject.push('轮功 and more')).toEqual({ text: '', matches: [{ rule: 0, start: 8, end: 12, text: '法-轮功' }], blockedAt: 8, blockedBy: 0 });
    expect(subject.push('harmless')).toEqual({ text: '', matches: [], blockedAt: 8, blockedBy: 0 });
    expect(subject.end()).toEqual({ text: '', matches: [], blockedAt: 8, blockedBy: 0 });
  });

  it('masks a match once, with what was skipped inside of it', () => {
    const subject = stream();
    expect(subject.push('the s-e-c').text).toBe('the ');
    expect(subject.push('-r-e-t').text).toBe('');
    expect(subject.push(' of').text).toBe('[1:11] of');
  });

  it('lets a word pass that permits what lies inside of it', () => {
    const subject = stream();
    expect(subject.push('学密').text).toBe('学');
    expect(subject.push('码').text).toBe('');
    expect(subject.push('学')).toEqual({ text: '密码学', matches: [] });
    expect(subject.push('和密码').text).toBe('和');
    expect(subject.end()).toEqual({ text: '[1:2]', matches: [{ rule: 1, start: 5, end: 7, text: '密码' }] });
  });

  it('never releases half of a surrogate pair', () => {
    const subject = stream();
    expect(subject.push('a\ud83d').text).toBe('a');
    expect(subject.push('\ude00').text).toBe('😀');
  });

  it('ends a text that would have to wait longer than it may, at the same place wherever it is cut', () => {
    const word = compileKeywords([{ rule: 0, words: ['abcdefghijklmnop'] }]);
    for (const size of [1, 2, 3, 7, 100]) {
      const subject = new ReleasingStream([keywordDetector([word])], policy({ maxHold: 8 }));
      const text = '.. abcdefgz .. abcdefghijkl';
      let released = '';
      for (let at = 0; at < text.length; at += size) {
        const { text: out, blockedAt, blockedBy } = subject.push(text.slice(at, at + size));
        released += out;
        expect(subject.held).toBeLessThanOrEqual(8);
        if (blockedAt !== undefined) expect([blockedAt, blockedBy]).toEqual([15, undefined]);
      }
      expect(released).toBe('.. abcdefgz .. ');
    }
  });
});
