import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { chooseLeastLoaded } from './choose-least-loaded.ts';
import { COMPARE_ALL_LIMIT } from './limits.ts';

const loads = (max: number) => fc.array(fc.nat(100).map((inFlight) => ({ inFlight })), { minLength: 1, maxLength: max });

describe('the choice of the least loaded', () => {
  it('takes one with the fewest calls when there are few', () => {
    fc.assert(
      fc.property(loads(COMPARE_ALL_LIMIT), fc.nat(), (candidates, seed) => {
        const chosen = chooseLeastLoaded(candidates, (bound) => seed % bound)!;
        expect(chosen.inFlight).toBe(Math.min(...candidates.map(({ inFlight }) => inFlight)));
      }),
    );
  });

  it('never takes the most loaded of many when loads differ', () => {
    fc.assert(
      fc.property(fc.integer({ min: COMPARE_ALL_LIMIT + 1, max: 50 }), fc.nat(), fc.nat(), (length, first, second) => {
        const draws = [first, second];
        const candidates = Array.from({ length }, (_, inFlight) => ({ inFlight }));
        const chosen = chooseLeastLoaded(candidates, (bound) => draws.shift()! % bound)!;
        expect(chosen.inFlight).toBeLessThan(length - 1);
      }),
    );
  });

  it('spreads among equals', () => {
    const candidates = [{ inFlight: 0, name: 'a' }, { inFlight: 0, name: 'b' }];
    expect([0, 1].map((draw) => chooseLeastLoaded(candidates, () => draw)!.name)).toEqual(['a', 'b']);
  });

  it('has nothing to choose from nothing', () => {
    expect(chooseLeastLoaded([], () => 0)).toBeUndefined();
  });
});
