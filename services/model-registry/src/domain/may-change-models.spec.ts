import { describe, expect, it } from '@jest/globals';
import { mayChangeModels, type AdminKey } from './may-change-models.ts';

const NOW_MS = 1000;
const key = (given: Partial<AdminKey>): AdminKey => ({ role: 'owner', expiresAtMs: 0n, revokedAtMs: 0n, ...given });

describe('mayChangeModels', () => {
  it.each<[string, boolean, AdminKey | undefined]>([
    ['an owner', true, key({})],
    ['a member', true, key({ role: 'member' })],
    ['an owner whose key expires later', true, key({ expiresAtMs: 1001n })],
    ['an auditor', false, key({ role: 'auditor' })],
    ['an inference key', false, key({ role: undefined })],
    ['an unknown key', false, undefined],
    ['a revoked owner', false, key({ revokedAtMs: 1n })],
    ['an expired owner', false, key({ expiresAtMs: 1000n })],
  ])('answers for %s: %s', (_name, may, given) => {
    expect(mayChangeModels(given, NOW_MS)).toBe(may);
  });
});
