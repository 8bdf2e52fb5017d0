import { describe, expect, it } from '@jest/globals';
import { askedBytes, estimateTokens } from './estimate.ts';

describe('the estimate of tokens', () => {
  it('is a token for each four bytes begun', () => {
    expect([0, 1, 4, 5, 9].map(estimateTokens)).toEqual([0n, 1n, 1n, 2n, 3n]);
  });

  it('counts the parameters of a call with its messages', () => {
    expect(askedBytes({ messages: Buffer.alloc(7), fields: [{ json: Buffer.alloc(5) }, { json: Buffer.alloc(1) }] })).toBe(13);
  });
});
