import { describe, expect, it } from '@jest/globals';
import { LEASE_MS } from '@sluice/segment';
import { isSilent } from './silence.ts';

describe('a producer', () => {
  it('counts as silent after 15 s, well after its own lease has run out', () => {
    expect([0, LEASE_MS, 14_999].map(isSilent)).toEqual([false, false, false]);
    expect([15_000, 1_000_000].map(isSilent)).toEqual([true, true]);
  });
});
