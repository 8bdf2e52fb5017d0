import { describe, expect, it } from '@jest/globals';
import { ModelStatistics } from './model-statistics.ts';

describe('ModelStatistics', () => {
  it('adds up each kind for itself, in whole nanoseconds', () => {
    const statistics = new ModelStatistics();
    statistics.add('success', 1.5);
    statistics.add('success', 0.0000004);
    statistics.add('queue', 2);
    expect(statistics.success).toEqual({ count: 2, ns: 1_500_000n });
    expect(statistics.queue).toEqual({ count: 1, ns: 2_000_000n });
    expect(statistics.fail).toEqual({ count: 0, ns: 0n });
  });
});
