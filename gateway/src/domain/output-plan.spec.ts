import { describe, expect, it } from '@jest/globals';
import { outputPlan } from './output-plan.ts';

const SHOWN = { isShown: true, longestTokens: 900 };

describe('the plan for the output of a call', () => {
  it('covers what is seen step by step, and bounds the length by what is affordable', () => {
    const plan = outputPlan(SHOWN, undefined, 2);
    expect(plan).toMatchObject({ first: 512, most: 0, least: 0, isWhole: false, addedUpToTokens: 2_048 });
    expect([plan.length(512, 10_000), plan.length(512, 0)]).toEqual([5_000, 1]);
    expect(outputPlan(SHOWN, 100, 2)).toMatchObject({ first: 100, most: 100 });
  });

  it('covers all that a request names where output may be hidden, and sends no more than is covered', () => {
    const plan = outputPlan({ isShown: false, longestTokens: 50_000 }, 9_000, 2);
    expect(plan).toMatchObject({ first: 9_000, most: 9_000, least: 2, isWhole: true });
    expect([plan.length(9_000, 1e9), plan.length(5_000, 1e9)]).toEqual([4_500, 2_500]);
  });

  it.each([[0, 2_048], [300, 2_048], [20_000, 20_000], [1e9, 131_072]])('covers the longest answer where none is named, or a length that is sent: with %s reported before, %s', (longestTokens, short) => {
    const plan = outputPlan({ isShown: false, longestTokens }, undefined, 2);
    expect(plan).toMatchObject({ first: 2 * short, most: 262_144, least: 2, isWhole: true, addedUpToTokens: short });
    expect([plan.length(262_144, 0), plan.length(262_143, 0), plan.length(4_000, 1e9), plan.length(50, 50)]).toEqual([Infinity, Math.min(short, 131_071), 2_000, 25]);
  });
});
