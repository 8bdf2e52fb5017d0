import { describe, expect, it } from '@jest/globals';
import { systemClock, systemIds } from '@sluice/clock';
import { verifyOpening } from '@sluice/segment';
import { commitToFields } from './leaf.ts';

describe('a leaf', () => {
  it('commits to each field by itself, under a salt of its own', () => {
    const { leaf, openings } = commitToFields({ model: 'm', other: 'm', prompt: Buffer.from([1]) }, systemIds(systemClock).randomBytes);
    expect(leaf.commitments.map(({ name }) => name)).toEqual(['model', 'other', 'prompt']);
    leaf.commitments.forEach((commitment, index) => expect(verifyOpening(commitment, openings[index]!)).toBe(true));
    expect(Buffer.from(leaf.commitments[0]!.hash).equals(leaf.commitments[1]!.hash)).toBe(false);
    expect(verifyOpening(leaf.commitments[0]!, { ...openings[0]!, value: Buffer.from('n') })).toBe(false);
  });
});
