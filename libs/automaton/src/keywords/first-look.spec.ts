import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { buildAutomaton } from './build-automaton.ts';
import { mayBeWhole, mayLead, mayLeadByThree } from './first-look.ts';

const keysOf = fc.uniqueArray(fc.stringMatching(/^[a-z法轮]{2,5}$/), { minLength: 1, maxLength: 40 });
const unit = (text: string, at: number): number => text.charCodeAt(at);

describe('the first units of keys', () => {
  it('lead to every key', () => {
    fc.assert(fc.property(keysOf, (keys) => {
      const { leads } = buildAutomaton(new Map(keys.map((key, rule) => [key, [{ rule, flags: 0 }]])));
      for (const key of keys) {
        expect(mayLead(leads, unit(key, 0), unit(key, 1))).toBe(true);
        expect(key.length === 2 ? mayBeWhole(leads, unit(key, 0), unit(key, 1)) : mayLeadByThree(leads, unit(key, 0), unit(key, 1), unit(key, 2))).toBe(true);
      }
    }), { numRuns: 200 });
  });

  it('lead nowhere from most others', () => {
    const { leads } = buildAutomaton(new Map([['ab', [{ rule: 0, flags: 0 }]], ['bcd', [{ rule: 1, flags: 0 }]]]));
    let passed = 0;
    for (let first = 0x4e00; first < 0x4f00; first++) for (let second = 0x4e00; second < 0x4f00; second++) if (mayLead(leads, first, second)) passed++;
    expect(passed).toBeLessThan(10);
    expect(mayBeWhole(leads, unit('bc', 0), unit('bc', 1))).toBe(false);
  });
});
