import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FreeSlots } from './free-slots.ts';

describe('FreeSlots', () => {
  it('gives no slot twice, also when it has to grow', () => {
    const classes = fc.uniqueArray(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 20 }).map((some) => some.sort((a, b) => a - b));
    fc.assert(fc.property(fc.array(classes, { maxLength: 60 }), (wanted) => {
      const slots = new FreeSlots(16);
      const taken = new Set<number>();
      for (const some of wanted) {
        const base = slots.place(Uint16Array.from(some), some.length);
        expect(base).toBeGreaterThanOrEqual(0);
        for (const unitClass of some) {
          expect(taken.has(base + unitClass)).toBe(false);
          expect(base + unitClass).toBeLessThan(slots.used);
          taken.add(base + unitClass);
        }
      }
    }));
  });
});
