import { describe, expect, it } from '@jest/globals';
import { hostConfig } from './host-config.ts';

describe('hostConfig', () => {
  it('has an embedded default for everything', () => {
    expect(hostConfig({})).toEqual({ rootKeyFile: undefined, auditRetentionDays: 400, databaseUrl: undefined });
  });

  it('reads what is set', () => {
    const environment = { SLUICE_ROOT_KEY_FILE: '/run/secrets/root', SLUICE_AUDIT_RETENTION_DAYS: '184', DATABASE_URL: 'postgresql://sluice@db/sluice' };
    expect(hostConfig(environment)).toEqual({ rootKeyFile: '/run/secrets/root', auditRetentionDays: 184, databaseUrl: 'postgresql://sluice@db/sluice' });
  });

  it('names every fault at once', () => {
    const read = (): unknown => hostConfig({ SLUICE_AUDIT_RETENTION_DAYS: '30', DATABASE_URL: 'mysql://db' });
    expect(read).toThrow(/SLUICE_AUDIT_RETENTION_DAYS/);
    expect(read).toThrow(/DATABASE_URL: is not a postgresql/);
  });
});
