import { describe, expect, it } from '@jest/globals';
import { isLive, type ApiKey } from './api-key.ts';

const NOW_MS = 1_000_000;
const key = (times: Pick<ApiKey, 'expiresAtMs' | 'revokedAtMs'>): ApiKey => ({
  id: 'key_1', organisationId: 'org_1', kind: 'inference', projectId: 'proj_1', role: undefined, name: 'n', prefix: 'p',
  keyedHash: new Uint8Array(), models: [], createdAtMs: 1, ...times,
});

describe('isLive', () => {
  it.each([
    ['never expires', undefined, undefined, true],
    ['expires later', NOW_MS + 1, undefined, true],
    ['expires at this very moment', NOW_MS, undefined, false],
    ['has expired', NOW_MS - 1, undefined, false],
    ['is revoked, though it would not have expired', NOW_MS + 1, NOW_MS - 1, false],
  ])('of a key that %s', (_name, expiresAtMs, revokedAtMs, live) => {
    expect(isLive(key({ expiresAtMs, revokedAtMs }), NOW_MS)).toBe(live);
  });
});
