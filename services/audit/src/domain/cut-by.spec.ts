import { describe, expect, it } from '@jest/globals';
import { cutBy, type Cut } from './cut-by.ts';

const whole: Cut = { finishReasons: ['stop'], stoppedBy: '', isBlocked: false };

describe('who cut an answer', () => {
  it.each([
    ['nobody, of one that came to its end', {}, ''],
    ['nobody, of one as long as was asked for', { finishReasons: ['length'] }, ''],
    ['a rule', { finishReasons: ['content_filter'], isBlocked: true }, 'rule'],
    ['nobody here, where the backend has a filter of its own', { finishReasons: ['content_filter'] }, ''],
    ['nobody, where a rule blocked and no choice ended so: its client left before', { finishReasons: [], isBlocked: true }, ''],
    ['a budget', { finishReasons: ['length'], stoppedBy: 'budget' }, 'budget'],
    ['a rule, where a budget cut another choice', { finishReasons: ['length', 'content_filter'], stoppedBy: 'budget', isBlocked: true }, 'rule'],
    ['a budget, of one that the backend filtered in part', { finishReasons: ['length', 'content_filter'], stoppedBy: 'budget' }, 'budget'],
    ['nobody that is known, for another reason', { stoppedBy: 'weather' }, ''],
  ])('is %s', (_who, cut, by) => expect(cutBy({ ...whole, ...cut })).toBe(by));
});
