import { describe, expect, it } from '@jest/globals';
import { HiddenOutput } from './hidden-output.ts';

describe('hidden output', () => {
  it('is learned from a report of far more than was seen, of this model of this organisation', () => {
    const hidden = new HiddenOutput();
    hidden.note('org', 'thinks', 5_000, 3);
    hidden.note('org', 'digits', 1_256, 400);
    hidden.note('org', 'short', 200, 1);
    expect([hidden.isKnownOf('org', 'thinks'), hidden.isKnownOf('org', 'digits'), hidden.isKnownOf('org', 'short'), hidden.isKnownOf('other', 'thinks')]).toEqual([true, false, false, false]);
  });

  it('is remembered of a bounded number of models', () => {
    const hidden = new HiddenOutput();
    for (let model = 0; model <= 10_000; model++) hidden.note('org', `m${model}`, 5_000, 3);
    expect([hidden.isKnownOf('org', 'm0'), hidden.isKnownOf('org', 'm1'), hidden.isKnownOf('org', 'm10000')]).toEqual([false, true, true]);
  });
});
