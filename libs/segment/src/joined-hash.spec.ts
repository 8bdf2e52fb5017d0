import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hashJoined } from './joined-hash.ts';

const sha256 = (...parts: Uint8Array[]): string => createHash('sha256').update(Buffer.concat(parts)).digest('hex');

describe('hashJoined', () => {
  it('is SHA-256 of both parts, one behind the other', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (left, right) => {
      expect(hashJoined(left, right).toString('hex')).toBe(sha256(left, right));
    }));
  });

  it.each([16_351, 16_352, 16_353, 100_000])('also around and above the size of its scratch: %s bytes', (length) => {
    const [left, right] = [Buffer.alloc(32, 7), Buffer.alloc(length, 9)];
    expect(hashJoined(left, right).toString('hex')).toBe(sha256(left, right));
  });

  it('gives each digest bytes of its own', () => {
    const first = hashJoined(Buffer.from('a'), Buffer.from('b'));
    const text = first.toString('hex');
    hashJoined(Buffer.from('c'), Buffer.from('d'));
    expect(first.toString('hex')).toBe(text);
  });
});
