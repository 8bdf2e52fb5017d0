import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EndedCalls } from './ended-calls.ts';

const first = { producer: 'p', epoch: 1n };
const second = { producer: 'p', epoch: 2n };

describe('EndedCalls', () => {
  it('counts on from what the log held, each epoch for itself, and hands out the sum once', () => {
    const ends = new EndedCalls([{ ...first, ends: 3n }]);
    ends.add(first);
    ends.add(second);
    expect(ends.close(first)).toBe(4n);
    expect(ends.close(first)).toBe(0n);
    expect(ends.open()).toEqual([{ ...second, ends: 1n }]);
  });

  it('gives the same sums however the ends are cut into batches', () => {
    fc.assert(fc.property(fc.array(fc.constantFrom(first, second), { maxLength: 40 }), fc.nat(40), (all, cut) => {
      const whole = new EndedCalls([]);
      all.forEach((epoch) => whole.add(epoch));
      const before = new EndedCalls([]);
      all.slice(0, cut).forEach((epoch) => before.add(epoch));
      const after = new EndedCalls(before.open());
      all.slice(cut).forEach((epoch) => after.add(epoch));
      expect([after.close(first), after.close(second)]).toEqual([whole.close(first), whole.close(second)]);
    }));
  });
});
