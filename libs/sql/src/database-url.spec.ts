import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { databaseUrlFault } from './database-url.ts';

const HERE = fileURLToPath(import.meta.url);

describe('the address of a database', () => {
  it.each([
    'postgresql://sluice@db/sluice',
    'postgres://sluice:secret@db:5432/sluice?sslmode=disable',
    'postgresql://sluice@/sluice?host=/run/postgresql&port=5433',
    'postgresql://sluice@db/sluice?sslmode=verify-full',
    `postgresql://sluice@db/sluice?sslmode=verify-full&sslrootcert=${encodeURIComponent(HERE)}`,
  ])('may be %s', (url) => {
    expect(databaseUrlFault(url)).toBeUndefined();
  });

  it.each(['mysql://db', 'db:5432', 'postgresql://', ''])('is not %s', (url) => {
    expect(databaseUrlFault(url)).toBe('must be an address such as postgresql://user@host/database');
  });

  it.each(['allow', 'prefer', 'require', 'verify-ca', 'no-verify', ''])('has no TLS that checks nobody: sslmode=%s', (mode) => {
    const fault = databaseUrlFault(`postgresql://sluice:secret@db/sluice?sslmode=${mode}`);
    expect(fault).toContain('must have sslmode=verify-full');
    expect(fault).not.toContain('secret');
  });

  it('names files that can be read', () => {
    expect(databaseUrlFault('postgresql://sluice@db/sluice?sslmode=verify-full&sslrootcert=/nowhere/ca.pem')).toBe('names a file by sslrootcert that cannot be read: /nowhere/ca.pem');
  });
});
