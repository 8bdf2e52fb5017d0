import { describe, expect, it } from '@jest/globals';
import { isContraction, LONGEST_CONTRACTION, SHORTEST_CONTRACTION } from './contractions.ts';

describe('isContraction', () => {
  it('knows what such forms begin with, and both apostrophes', () => {
    for (const word of ["he'll", 'We\u2019re', "I'D", "can't", "SHOULDN'T", "I'm", "let's", "they've"]) expect([word, isContraction(word)]).toEqual([word, true]);
    for (const word of ['hell', "sh'it", "shi't", "hel'l", "dog's", "he''ll", "he'lls", "'he'll", "he\u2018ll", "m't", "she're", '']) expect([word, isContraction(word)]).toEqual([word, false]);
  });

  it('tells how long they are', () => {
    expect([SHORTEST_CONTRACTION, LONGEST_CONTRACTION]).toEqual(["I'd".length, "shouldn't".length]);
  });
});
