import { createSecretKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { systemClock, systemIds } from '@sluice/clock';
import type { KeyKind } from './api-key.ts';
import { keyedHash, newSecret, prefixOf, SECRET_PATTERNS } from './secret.ts';

const ids = systemIds(systemClock);
const KINDS: readonly KeyKind[] = ['inference', 'admin'];

describe('secrets', () => {
  it.each(KINDS)('of kind %s have their brand, 43 characters and no twin', (kind) => {
    const secrets = Array.from({ length: 1000 }, () => newSecret(kind, ids));
    for (const secret of secrets) expect(secret).toMatch(SECRET_PATTERNS[kind]);
    expect(new Set(secrets).size).toBe(1000);
  });

  it.each(KINDS)('of kind %s show six characters of what is secret, so that two can be told apart', (kind) => {
    const secret = newSecret(kind, ids);
    const brand = kind === 'admin' ? 'sk-sluice-admin-' : 'sk-sluice-';
    expect(prefixOf(kind, secret)).toBe(secret.slice(0, brand.length + 6));
  });

  it('are kept as HMAC-SHA-256 (RFC 4231, test case 2)', () => {
    const hash = keyedHash(createSecretKey(Buffer.from('Jefe')), 'what do ya want for nothing?');
    expect(hash.toString('hex')).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
  });
});
