import { describe, expect, it } from '@jest/globals';
import { outputPlan } from './output-plan.ts';

describe('the plan for the output of a call', () => {
  it('covers what is seen step by step, and bounds the length by what is affordable', () => {
    const plan = outputPlan('shown', undefined, 2);
    expect(plan).toMatchObject({ first: 512, most: 0, isWhole: false });
    expect([plan.length(512, 10_000), plan.length(512, 0)]).toEqual([5_000, 1]);
    expect(outputPlan('shown', 100, 2)).toMatchObject({ first: 100, most: 100 });
  });

  it.each<['hidden' | 'unknown', number | undefined, number]>([['hidden', undefined, 65_536], ['hidden', 9_000, 9_000], ['unknown', 9_000, 9_000]])('covers all of what may be %s where the request names %s, and sends no more', (visibility, named, most) => {
    const plan = outputPlan(visibility, named, 2);
    expect(plan).toMatchObject({ first: most, most, isWhole: true, addedUpToTokens: 32_768 });
    expect([plan.length(most, 1e9), plan.length(5_000, 1e9)]).toEqual([most / 2, 2_500]);
  });

  it('covers the longest answer of a model that may hide its output, or a short one that is sent', () => {
    const plan = outputPlan('unknown', undefined, 2);
    expect(plan).toMatchObject({ first: 4_096, most: 262_144, isWhole: true, addedUpToTokens: 2_048 });
    expect([plan.length(262_144, 0), plan.length(100_000, 0), plan.length(4_096, 262_143), plan.length(50, 50)]).toEqual([Infinity, 2_048, 2_048, 25]);
  });
});
