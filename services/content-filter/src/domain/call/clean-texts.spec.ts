import { describe, expect, it } from '@jest/globals';
import { CleanTexts } from './clean-texts.ts';

describe('clean texts', () => {
  it('are remembered when they are short, and not without end', () => {
    const clean = new CleanTexts();
    clean.add('name');
    clean.add('x'.repeat(65));
    expect([clean.has('name'), clean.has('nam'), clean.has('x'.repeat(65))]).toEqual([true, false, false]);
    for (let count = 0; count < 5000; count++) clean.add(String(count));
    expect([clean.has('4000'), clean.has('4999')]).toEqual([true, false]);
  });
});
