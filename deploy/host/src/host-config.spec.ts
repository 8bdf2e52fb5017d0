import { describe, expect, it } from '@jest/globals';
import { hostConfig } from './host-config.ts';

describe('hostConfig', () => {
  it('has an embedded default for everything', () => {
    expect(hostConfig({})).toEqual({ rootKeyFile: undefined, databaseUrl: undefined });
  });

  it('reads what is set', () => {
    const environment = { SLUICE_ROOT_KEY_FILE: '/run/secrets/root', DATABASE_URL: 'postgresql://sluice@db/sluice' };
    expect(hostConfig(environment)).toEqual({ rootKeyFile: '/run/secrets/root', databaseUrl: 'postgresql://sluice@db/sluice' });
  });

  it('refuses another database than PostgreSQL', () => {
    expect(() => hostConfig({ DATABASE_URL: 'mysql://db' })).toThrow(/DATABASE_URL: must be an address such as postgresql/);
  });
});
