import { describe, expect, it } from '@jest/globals';
import { mixedFuzz } from './testing/mixed-fuzz.ts';

describe('the laws of a stream with every kind of rule', () => {
  it('hold in ten thousand random runs', () => {
    expect(mixedFuzz(10_000, 20_261_122)).toEqual({ runs: 10_000 });
  });
});
