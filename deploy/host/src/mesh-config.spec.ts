import { describe, expect, it } from '@jest/globals';
import { ConfigError, readConfig } from '@sluice/config';
import type { ServiceName } from '@sluice/platform/services';
import { addressesIn, addressSetting, meshShapeFor } from './mesh-config.ts';

const DATA_PLANE: readonly ServiceName[] = ['gateway', 'content-filter', 'inference-router'];
const TLS = { SLUICE_TLS_CA_FILE: 'ca.pem', SLUICE_TLS_CERTIFICATE_FILE: 'a.pem', SLUICE_TLS_KEY_FILE: 'a.key' };
const OWNERS = { SLUICE_ACCESS_ADDRESS: 'access:7443', SLUICE_MODEL_REGISTRY_ADDRESS: 'model-registry:7443', SLUICE_BILLING_ADDRESS: 'billing:7443', SLUICE_AUDIT_ADDRESS: 'audit:7443', SLUICE_CONTENT_FILTER_RULES_ADDRESS: 'rules:7443' };
const SHARED = { REDIS_URL: 'redis://:secret@redis:6379', KAFKA_BROKERS: '127.0.0.1:9092,localhost:9093' };
const SERVERS = { DATABASE_URL: 'postgresql://sluice@db/sluice', SLUICE_ROOT_KEY_FILE: '/run/root.key', ...SHARED };
const MONEY = { DATABASE_URL: SERVERS.DATABASE_URL, KAFKA_BROKERS: SERVERS.KAFKA_BROKERS };

const read = (hosted: readonly ServiceName[], environment: Record<string, string>) => readConfig(meshShapeFor(hosted, environment), environment);

function faults(hosted: readonly ServiceName[], environment: Record<string, string>): string[] {
  try {
    read(hosted, environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map((fault) => fault.split(':')[0]!).toSorted();
    throw error;
  }
  return [];
}

describe('the settings of a process of a mesh', () => {
  it('are enough where nothing that its services need is missing', () => {
    // It owns nothing: neither the database nor the root key is for it.
    expect(faults(DATA_PLANE, { ...SHARED, ...TLS, ...OWNERS })).toEqual([]);
    expect(faults(['access'], { ...SERVERS, ...TLS, SLUICE_RPC_LISTEN: '0.0.0.0:7443' })).toEqual([]);
    expect(faults(['access'], { ...SERVERS, SLUICE_RPC_LISTEN: '127.0.0.1:7443' })).toEqual([]);
    expect(faults(['local-engine'], { SLUICE_RPC_LISTEN: '127.0.0.1:7443' })).toEqual([]);
    expect(faults(['gateway', 'inference-router'], { ...TLS, ...OWNERS, KAFKA_BROKERS: '10.0.0.1:9092', KAFKA_TLS_CA_FILE: 'kafka-ca.pem', REDIS_URL: 'rediss://redis', SLUICE_CONTENT_FILTER_ADDRESS: 'filter:1' })).toEqual([]);
    expect(faults(['billing'], { ...MONEY, SLUICE_ACCESS_ADDRESS: 'access:1', SLUICE_RPC_LISTEN: 'localhost:7443' })).toEqual([]);
  });

  it('are all told of at once, what is missing and what is wrong', () => {
    expect(faults(DATA_PLANE, { SLUICE_BILLING_ADDRESS: 'billing', SLUICE_HEALTH_LISTEN: '8080', DATABASE_URL: 'mysql://x', SLUICE_TLS_CA_FILE: 'ca.pem' })).toEqual([
      'DATABASE_URL', 'KAFKA_BROKERS', 'REDIS_URL', 'SLUICE_ACCESS_ADDRESS', 'SLUICE_AUDIT_ADDRESS', 'SLUICE_BILLING_ADDRESS', 'SLUICE_CONTENT_FILTER_RULES_ADDRESS', 'SLUICE_HEALTH_LISTEN', 'SLUICE_MODEL_REGISTRY_ADDRESS',
      'SLUICE_TLS_CERTIFICATE_FILE', 'SLUICE_TLS_KEY_FILE',
    ]);
  });

  it('say who needs what is missing, and quote nothing', () => {
    expect(() => read(['billing'], MONEY)).toThrow(
      'SLUICE_ACCESS_ADDRESS: is missing: access is not hosted here, and called by billing\n  SLUICE_RPC_LISTEN: is missing: services of other processes call these',
    );
  });

  it('want certificates where others than this machine reach it', () => {
    const open = { ...SERVERS, SLUICE_RPC_LISTEN: '0.0.0.0:7443' };
    expect(faults(['access'], open)).toEqual(Object.keys(TLS).toSorted());
    expect(faults(['access'], { ...open, SLUICE_RPC_LISTEN: 'access.internal:7443' })).toEqual(Object.keys(TLS).toSorted());
    expect(faults(['access'], { ...open, SLUICE_RPC_LISTEN: '[::1]:7443' })).toEqual([]);
  });

  it.each([
    ['access:7443', ['access:7443']],
    ['access.sluice.svc.cluster.local:7443', ['access.sluice.svc.cluster.local:7443']],
    ['10.0.0.1:1, 10.0.0.2:1', ['10.0.0.1:1', '10.0.0.2:1']],
    ['[fd00::1]:1,[fd00::2]:1', ['[fd00::1]:1', '[fd00::2]:1']],
  ])('take an address: %s', (text, expected) => {
    const given = { ...MONEY, SLUICE_ACCESS_ADDRESS: text, SLUICE_RPC_LISTEN: '127.0.0.1:1' };
    expect(addressesIn(read(['billing'], given))).toEqual({ access: expected });
  });

  it.each(['access', 'access:x', 'access:70000', 'one:1,two:2', '10.0.0.1:1,[fd00::1]:1', 'http://access:7443', ''])('refuse what is none: %j', (text) => {
    expect(faults(['billing'], { ...MONEY, SLUICE_ACCESS_ADDRESS: text, SLUICE_RPC_LISTEN: '127.0.0.1:1' })).toEqual(['SLUICE_ACCESS_ADDRESS']);
  });

  it('name each service', () => {
    expect(addressSetting('model-registry')).toBe('SLUICE_MODEL_REGISTRY_ADDRESS');
  });
});
