import { describe, expect, it } from '@jest/globals';
import { statusWords } from './call-status.ts';

describe('how a call ended', () => {
  it.each([
    [{ status: 'answered', error_code: null }, ['answered']],
    [{ status: 'answered', error_code: null, cut_by: null }, ['answered']],
    [{ status: 'answered', error_code: null, cut_by: 'rule' }, ['answered', 'cut by a rule']],
    [{ status: 'failed', error_code: 'upstream_error', cut_by: 'budget' }, ['failed', 'upstream_error', 'cut by its budget']],
    [{ status: 'answered', error_code: null, cut_by: 'somebody' }, ['answered', 'cut by somebody']],
  ])('is told in words', (call, words) => expect(statusWords(call)).toEqual(words));
});
