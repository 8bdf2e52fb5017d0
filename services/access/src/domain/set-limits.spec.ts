import { createSecretKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { ManualClock, systemIds } from '@sluice/clock';
import type { ApiKey } from './api-key.ts';
import type { ParameterRule } from './parameter-rule.ts';
import type { ActState } from './ports.ts';
import { removeParameterRule } from './remove-parameter-rule.ts';
import { setLimits } from './set-limits.ts';
import { MAX_PARAMETER_RULES, setParameterRule } from './set-parameter-rule.ts';

const clock = new ManualClock();
const actor = { keyId: 'key_admin', organisationId: 'org_1' };
const CHANGE = { requestsPerMinute: 1n };
const RULE: ParameterRule = { id: 'prule_1', projectId: undefined, model: undefined, parameter: 'n', min: undefined, max: 2, defaultValue: undefined, outOfBounds: 'clip' };

function administration(role: ApiKey['role'], parts: Partial<ActState>, written: unknown[] = []) {
  const admin: ApiKey = {
    id: actor.keyId, organisationId: actor.organisationId, kind: 'admin', projectId: undefined, role, name: 'n', prefix: 'p',
    keyedHash: new Uint8Array(), models: [], createdAtMs: 1, expiresAtMs: undefined, revokedAtMs: undefined,
  };
  const state: Partial<ActState> = {
    lockOrganisation: async (id) => ({ id, name: 'o' }),
    key: async (_organisationId, id) => (id === admin.id ? admin : undefined),
    record: async (...given) => void written.push(given),
    ...parts,
  };
  return { acts: { act: <T>(work: (given: ActState) => Promise<T>) => work(state as ActState) }, clock, ids: systemIds(clock), pepper: createSecretKey(Buffer.alloc(32, 1)) };
}

describe('who may not set limits', () => {
  it('is not told what there is', async () => {
    await expect(setLimits(administration('auditor', {}), actor, { level: 'key', subjectId: 'key_none', change: CHANGE })).rejects.toMatchObject({ code: 'insufficient_permissions' });
    await expect(setLimits(administration('owner', {}), actor, { level: 'key', subjectId: 'key_none', change: CHANGE })).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('who may not change parameter rules', () => {
  it.each(['member', 'auditor'] as const)('is not told what there is, and nothing happens: %s', async (role) => {
    const put: unknown[] = [];
    const parts: Partial<ActState> = {
      parameterRuleCounts: async () => ({ all: 0, sameId: undefined }), putParameterRule: async (...given) => void put.push(given), removeParameterRule: async (...given) => (put.push(given), RULE),
    };
    await expect(setParameterRule(administration(role, parts, put), actor, RULE)).rejects.toMatchObject({ code: 'insufficient_permissions' });
    await expect(removeParameterRule(administration(role, parts, put), actor, RULE.id)).rejects.toMatchObject({ code: 'insufficient_permissions' });
    expect(put).toEqual([]);
  });
});

describe('the bound of parameter rules', () => {
  it('stops a rule that is new, and none that replaces another', async () => {
    const put: ParameterRule[] = [];
    const full = (sameId: string | undefined) => administration('owner', { parameterRuleCounts: async () => ({ all: MAX_PARAMETER_RULES, sameId }), putParameterRule: async (_organisationId, rule) => void put.push(rule) });
    await expect(setParameterRule(full(undefined), actor, RULE)).rejects.toMatchObject({ code: 'failed_precondition' });
    expect(await setParameterRule(full('prule_1'), actor, RULE)).toEqual(RULE);
    expect(put).toEqual([RULE]);
  });
});

describe('removeParameterRule', () => {
  it('records what there was, and nothing where there was none', async () => {
    const written: unknown[] = [];
    await expect(removeParameterRule(administration('owner', { removeParameterRule: async () => undefined }, written), actor, 'prule_0')).rejects.toMatchObject({ code: 'not_found' });
    expect(written).toEqual([]);
    await removeParameterRule(administration('owner', { removeParameterRule: async () => RULE }, written), actor, RULE.id);
    expect(written).toMatchObject([[{ action: 'parameter_rule.removed', detail: { parameter: 'n', max: 2, out_of_bounds: 'clip' } }, { removedParameterRuleId: RULE.id }]]);
  });
});
