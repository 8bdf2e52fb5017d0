import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { commit, commitmentHash, verifyOpening } from './index.ts';

describe('a commitment', () => {
  it('is SHA-256 of salt and value, and its opening shows exactly the value', () => {
    fc.assert(
      fc.property(fc.string(), fc.uint8Array({ maxLength: 50 }), fc.uint8Array({ maxLength: 50 }), (name, value, other) => {
        const { commitment, opening } = commit(name, value, randomBytes);
        expect(Buffer.from(commitment.hash)).toEqual(createHash('sha256').update(opening.salt).update(value).digest());
        expect(verifyOpening(commitment, opening)).toBe(true);
        if (Buffer.compare(value, other) !== 0) expect(verifyOpening(commitment, { ...opening, value: other })).toBe(false);
        expect(verifyOpening(commitment, { ...opening, name: `${name}!` })).toBe(false);
        expect(verifyOpening(commitment, { ...opening, salt: randomBytes(32) })).toBe(false);
        expect(verifyOpening({ name, hash: commitment.hash.slice(1) }, opening)).toBe(false);
      }),
    );
  });

  it('hides equal values from each other', () => {
    expect(commit('project', 'p', randomBytes).commitment.hash).not.toEqual(commit('project', 'p', randomBytes).commitment.hash);
  });

  it('takes text as UTF-8', () => {
    const { commitment, opening } = commit('model', 'größe', randomBytes);
    expect(commitment.hash).toEqual(commitmentHash(opening.salt, Buffer.from('größe', 'utf8')));
  });
});
