import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { givenAway } from './index.ts';

const secret = fc.uint8Array({ minLength: 12, maxLength: 48 });
const neighbour = fc.uint8Array({ maxLength: 20 });

describe('a secret', () => {
  it('is found wherever it begins, in every encoding that a row, a log line or a body may have', () => {
    fc.assert(
      fc.property(secret, neighbour, neighbour, fc.constantFrom('hex' as const, 'base64' as const, 'base64url' as const), (bytes, before, behind, encoding) => {
        expect(givenAway([bytes], Buffer.concat([before, bytes, behind]).toString(encoding))).not.toEqual([]);
      }),
    );
  });

  it('is found as text, in a text and in bytes', () => {
    expect(givenAway(['sk-sluice-planted'], 'warn refused key=sk-sluice-planted!')).toEqual(['sk-sluice-planted']);
    expect(givenAway(['sk-sluice-planted'], Buffer.from('\u0000sk-sluice-planted\u0000'))).toEqual(['sk-sluice-planted']);
  });

  it('is not found where only a part of it stands, or another one', () => {
    fc.assert(
      fc.property(secret, secret, (bytes, other) => {
        fc.pre(!Buffer.from(other).includes(Buffer.from(bytes.subarray(3, -3))));
        expect(givenAway([bytes], `${Buffer.from(other).toString('hex')} ${Buffer.from(bytes.subarray(0, -1)).toString('hex')} ${Buffer.from(other).toString('base64')}`)).toEqual([]);
      }),
    );
  });

  it('must be long enough not to be found by chance', () => {
    expect(() => givenAway(['short'], 'text')).toThrow('by chance');
  });
});
