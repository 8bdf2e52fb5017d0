import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import fc from 'fast-check';
import { createDataKey, dataKey, open, rootKeyFrom, seal } from './index.ts';

const bytes = fc.uint8Array({ maxLength: 300 });
const keyBytes = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe('seal and open', () => {
  it('round trip for any bytes, key and associated data', () => {
    fc.assert(
      fc.property(keyBytes, bytes, fc.string(), (keyed, plain, associated) => {
        const key = dataKey(keyed);
        expect(open(key, seal(key, plain, associated), associated)).toEqual(Buffer.from(plain));
      }),
    );
  });

  it('refuse every changed bit of IV, ciphertext and tag', () => {
    const key = dataKey(randomBytes(32));
    const sealed = seal(key, Buffer.from('an answer'), 'block');
    for (const part of ['iv', 'sealed'] as const) {
      for (let bit = 0; bit < sealed[part].length * 8; bit++) {
        const changed = Buffer.from(sealed[part]);
        changed[bit >> 3]! ^= 1 << (bit & 7);
        expect(() => open(key, { ...sealed, [part]: changed }, 'block')).toThrow(ServiceError);
      }
    }
  });

  it('refuse another key, other associated data, and anything cut short', () => {
    fc.assert(
      fc.property(keyBytes, keyBytes, bytes, fc.string(), fc.string(), fc.nat(27), (mine, yours, plain, associated, other, keep) => {
        fc.pre(associated !== other && Buffer.compare(mine, yours) !== 0);
        const sealed = seal(dataKey(mine), plain, associated);
        expect(() => open(dataKey(yours), sealed, associated)).toThrow(ServiceError);
        expect(() => open(dataKey(mine), sealed, other)).toThrow(ServiceError);
        expect(() => open(dataKey(mine), { ...sealed, sealed: sealed.sealed.subarray(0, Math.min(keep, sealed.sealed.length - 1)) }, associated)).toThrow(ServiceError);
        expect(() => open(dataKey(mine), { ...sealed, iv: sealed.iv.subarray(1) }, associated)).toThrow(ServiceError);
      }),
    );
  });

  it('never use an IV twice, also beyond one pool', () => {
    const key = dataKey(randomBytes(32));
    const ivs = new Set(Array.from({ length: 2000 }, () => Buffer.from(seal(key, Buffer.alloc(1), '').iv).toString('hex')));
    expect(ivs.size).toBe(2000);
  });

  it('take keys of 256 bits only, and copy the randomness they are made from', () => {
    expect(() => dataKey(randomBytes(16))).toThrow(ServiceError);
    const pool = randomBytes(32);
    const made = createDataKey(() => pool);
    const before = Buffer.from(made);
    pool.fill(0);
    expect(made).toEqual(before);
  });
});

describe('a root key', () => {
  it('opens what it wrapped, for the same purpose only', () => {
    fc.assert(
      fc.property(keyBytes, bytes, fc.string(), fc.string(), (keyed, secret, purpose, other) => {
        const root = rootKeyFrom(keyed);
        const wrapped = root.wrap(purpose, secret);
        expect(rootKeyFrom(keyed).unwrap(purpose, wrapped)).toEqual(Buffer.from(secret));
        if (other !== purpose) expect(() => root.unwrap(other, wrapped)).toThrow(ServiceError);
      }),
    );
  });

  it('tells who starts with another one what to do', () => {
    expect(() => rootKeyFrom(randomBytes(32)).unwrap('pepper', rootKeyFrom(randomBytes(32)).wrap('pepper', Buffer.from('secret')))).toThrow(/wrapped by another root key than this one.*SLUICE_ROOT_KEY_FILE/);
  });

  it('refuses every changed bit, the version among them, and every shorter text', () => {
    const root = rootKeyFrom(randomBytes(32));
    const wrapped = root.wrap('pepper', Buffer.from('secret'));
    for (let bit = 0; bit < wrapped.length * 8; bit++) {
      const changed = Buffer.from(wrapped);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => root.unwrap('pepper', changed)).toThrow(ServiceError);
    }
    for (let length = 0; length < wrapped.length; length++) expect(() => root.unwrap('pepper', wrapped.subarray(0, length))).toThrow(ServiceError);
  });

  it('hides the secret', () => {
    const secret = Buffer.from('sk-planted-credential');
    expect(rootKeyFrom(randomBytes(32)).wrap('upstream', secret).includes(secret)).toBe(false);
  });
});
