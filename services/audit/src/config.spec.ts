import { describe, expect, it } from '@jest/globals';
import { readConfig } from '@sluice/config';
import { auditConfig } from './config.ts';

describe('the settings of audit', () => {
  it('have defaults', () => {
    expect(readConfig(auditConfig, {})).toEqual({ SLUICE_AUDIT_RETENTION_DAYS: 400 });
  });

  it.each(['183', '0', '-400', '200.5', 'long', '1e9'])('refuse a retention of %s days', (days) => {
    expect(() => readConfig(auditConfig, { SLUICE_AUDIT_RETENTION_DAYS: days })).toThrow(/SLUICE_AUDIT_RETENTION_DAYS: must be/);
  });

  it('say why half a year is the least', () => {
    expect(() => readConfig(auditConfig, { SLUICE_AUDIT_RETENTION_DAYS: '183' })).toThrow('at least 184 days: the law asks for six months');
    expect(readConfig(auditConfig, { SLUICE_AUDIT_RETENTION_DAYS: '184' }).SLUICE_AUDIT_RETENTION_DAYS).toBe(184);
  });

  it.each(['two words', 'a+b'])('refuse the origin %j', (origin) => {
    expect(() => readConfig(auditConfig, { SLUICE_AUDIT_ORIGIN: origin })).toThrow('SLUICE_AUDIT_ORIGIN: must be a name');
  });
});
