import { describe, expect, it } from '@jest/globals';
import { AccessService } from '@sluice/proto/access/v1/access';
import { AuditService } from '@sluice/proto/audit/v1/audit';
import { BillingService } from '@sluice/proto/billing/v1/billing';
import { ContentFilterService, FilterRulesService } from '@sluice/proto/content_filter/v1/content_filter';
import { InferenceService } from '@sluice/proto/inference/v1/inference';
import { GRPCInferenceService } from '@sluice/proto/kserve';
import { ModelRegistryService } from '@sluice/proto/model_registry/v1/model_registry';
import { readFileSync } from 'node:fs';
import { calledElsewhere, callersOf, HOUSE_SERVICES, isCalledFromElsewhere, SERVICE_NAMES, serviceOf } from './house-services.ts';

const REPOSITORY = new URL('../../../', import.meta.url);

describe('the services of the house', () => {
  it('are named as their contracts are', () => {
    const rpcs = { access: AccessService, audit: AuditService, billing: BillingService, 'content-filter': ContentFilterService, 'content-filter-rules': FilterRulesService, 'inference-router': InferenceService, 'local-engine': GRPCInferenceService, 'model-registry': ModelRegistryService };
    for (const [name, { typeName }] of Object.entries(rpcs)) expect([typeName, serviceOf(typeName)]).toEqual([typeName, name]);
    expect(SERVICE_NAMES.filter((name) => HOUSE_SERVICES[name].rpc !== undefined).toSorted()).toEqual(Object.keys(rpcs).toSorted());
    expect(serviceOf('grpc.health.v1.Health')).toBeUndefined();
  });

  it.each(SERVICE_NAMES)('call whom their modules connect to: %s', (name) => {
    // The filter and the owner of its rules are one project.
    const project = name === 'content-filter-rules' ? 'content-filter' : name;
    const folder = name === 'gateway' ? 'gateway/src/gateway.module.ts' : `services/${project}/src/${name}.module.ts`;
    const more = name === 'gateway' ? ['gateway/src/adapters/access-replica.ts', 'gateway/src/adapters/registry-replica.ts'] : [];
    const source = [folder, ...more].map((path) => readFileSync(new URL(path, REPOSITORY), 'utf8')).join('\n');
    const connected = [...source.matchAll(/\.connect\((\w+)\)/g)].map(([, service]) => service!);
    const called = HOUSE_SERVICES[name].calls.map((one) => HOUSE_SERVICES[one].rpc!.split('.').at(-1)!);
    expect([...new Set(connected)].toSorted()).toEqual(called.toSorted());
    const { ownsTables, wrapsSecrets, shares, usesEvents } = HOUSE_SERVICES[name];
    expect([source.includes('platform.sql('), /\brootKey\b/.test(source), source.includes('platform.store'), /\bevents\b/.test(source)]).toEqual([ownsTables, wrapsSecrets, shares, usesEvents]);
  });

  it('need what is called and not hosted, and are done without only where that is no model on this machine', () => {
    expect(calledElsewhere(['gateway', 'content-filter', 'inference-router'])).toEqual({
      needed: ['access', 'model-registry', 'content-filter-rules', 'billing', 'audit'], all: ['access', 'model-registry', 'content-filter-rules', 'billing', 'audit', 'local-engine'],
    });
    expect(calledElsewhere(['access'])).toEqual({ needed: [], all: [] });
    expect(calledElsewhere(SERVICE_NAMES)).toEqual({ needed: [], all: [] });
  });

  it('listen only where somebody else calls them', () => {
    expect(isCalledFromElsewhere(['gateway', 'content-filter', 'inference-router'])).toBe(false);
    expect(isCalledFromElsewhere(['content-filter'])).toBe(true);
    expect(isCalledFromElsewhere(SERVICE_NAMES)).toBe(false);
    for (const name of ['access', 'model-registry', 'content-filter-rules', 'audit', 'billing', 'local-engine'] as const) expect(isCalledFromElsewhere([name])).toBe(true);
  });

  it('let in only those that call them', () => {
    expect(callersOf('access')).toEqual(['gateway', 'content-filter-rules', 'model-registry', 'audit', 'billing']);
    expect(callersOf('local-engine')).toEqual(['inference-router']);
    expect(callersOf('content-filter-rules')).toEqual(['gateway', 'content-filter']);
    expect(callersOf('gateway')).toEqual([]);
  });

  it('of the data plane own nothing: neither tables nor the root key are there', () => {
    for (const name of ['gateway', 'content-filter', 'inference-router'] as const) expect(HOUSE_SERVICES[name]).toMatchObject({ ownsTables: false, wrapsSecrets: false });
  });
});
