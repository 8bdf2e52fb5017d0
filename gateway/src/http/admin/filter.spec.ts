import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { ManualClock, systemIds } from '@sluice/clock';
import { Role } from '@sluice/proto/access/v1/access';
import { Action, Direction, HitSchema, RuleSchema, RuleStatsSchema } from '@sluice/proto/content_filter/v1/content_filter';
import { silentLogger } from '@sluice/telemetry';
import { adminServer } from '../admin-server.ts';
import { FILTER_BODY_LIMIT_BYTES, FILTER_WORDS_LIMIT } from '../limits.ts';
import type { AdminDoor } from './door.ts';

const RULE = create(RuleSchema, {
  id: 'rule_1', organisationId: 'org_1', kind: 'word', patterns: ['badger'], patternCount: 1, action: Action.BLOCK, direction: Direction.BOTH, title: 'keyword rule', createdAtMs: 1_700_000_000_000n,
});
const LONG = create(RuleSchema, { ...RULE, id: 'rule_2', projectId: 'project_1', patterns: [], patternCount: 21, action: Action.MASK, direction: Direction.OUT });
const HIT = create(HitSchema, { ruleId: 'rule_1', kind: 'word', action: Action.MASK, direction: Direction.IN, start: 3n, end: 9n, textHash: Uint8Array.of(0xab, 1) });
const STATS = create(RuleStatsSchema, { ruleId: 'rule_1', title: 'keyword rule', projectId: 'project_1', blocked: 2n, masked: 0n, flagged: 1n, lastHitMs: 1_700_000_000_000n });
const SHOWN = {
  object: 'filter.rule', id: 'rule_1', project_id: null, kind: 'word', action: 'block', direction: 'both', title: 'keyword rule', patterns: ['badger'], pattern_count: 1, created_at: '2023-11-14T22:13:20.000Z',
};
const actor = { keyId: 'key_0', organisationId: 'org_1' };

const asked: [string, object][] = [];
const answering = (name: string, answer: object) => async (request: object) => {
  asked.push([name, request]);
  return answer;
};
let role = Role.OWNER;
// A request that is injected has no socket that could be closed when time goes on.
const clock = new ManualClock();
const server = adminServer({
  clock,
  ids: systemIds(clock),
  logger: silentLogger,
  administrator: async () => ({ ...actor, role }),
  access: { listProjects: async () => ({ projects: [{ id: 'project_1' }] }) },
  filterRules: {
    addRule: answering('addRule', { rule: RULE, policyVersion: 7n }),
    listRules: answering('listRules', { rules: [RULE, LONG], policyVersion: 7n }),
    getRule: answering('getRule', { rule: create(RuleSchema, { ...LONG, patterns: Array.from({ length: 21 }, (_, index) => `w${index}`) }) }),
    removeRule: answering('removeRule', { rule: RULE, policyVersion: 8n }),
    getStats: answering('getStats', { rules: [STATS] }),
  },
  filter: {
    try: answering('try', { ruleTitle: '', text: 'a ****** b', action: Action.MASK, policyVersion: 7n, hits: [HIT] }),
    awaitRules: answering('awaitRules', {}),
  },
} as unknown as AdminDoor & Parameters<typeof adminServer>[0]);
afterAll(() => server.close());
beforeEach(() => void (role = Role.OWNER));

async function ask(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<{ status: number; json: Record<string, unknown>; request: object | undefined }> {
  asked.length = 0;
  const answer = await server.inject({ method, url: `/admin/v1/filter${path}`, ...(body && { payload: body, headers: { 'content-type': 'application/json' } }) });
  return { status: answer.statusCode, json: answer.json(), request: asked[0]?.[1] };
}

describe('rules of the filter', () => {
  it('block words in both directions, everywhere, when nothing else is said', async () => {
    const { status, json, request } = await ask('POST', '/rules', { patterns: ['badger'] });
    expect(request).toEqual({ actor, kind: 'word', patterns: ['badger'], action: Action.BLOCK, direction: Direction.BOTH, projectId: '', title: '' });
    expect({ status, json }).toEqual({ status: 201, json: { ...SHOWN, policy_version: 7 } });
    expect(asked.slice(1)).toEqual([['awaitRules', { organisationId: 'org_1', policyVersion: 7n }]]);
  });

  it('are taken with all that can be said', async () => {
    const { request } = await ask('POST', '/rules', { kind: 'pii:email', action: 'mask', direction: 'out', project_id: 'project_1', title: 'no addresses' });
    expect(request).toEqual({ actor, kind: 'pii:email', patterns: [], action: Action.MASK, direction: Direction.OUT, projectId: 'project_1', title: 'no addresses' });
  });

  it('may be long lists', async () => {
    const patterns = Array.from({ length: FILTER_WORDS_LIMIT }, (_, index) => `敏感词${index}`);
    const { status, request } = await ask('POST', '/rules', { patterns });
    expect(status).toBe(201);
    expect((request as { patterns: string[] }).patterns).toHaveLength(FILTER_WORDS_LIMIT);
    expect(await ask('POST', '/rules', { patterns: [...patterns, 'more'] })).toMatchObject({ status: 400, json: { error: { param: 'patterns' } }, request: undefined });
    expect(await ask('POST', '/rules', { patterns: ['x'.repeat(FILTER_BODY_LIMIT_BYTES)] })).toMatchObject({ status: 413, request: undefined });
  });

  it.each([
    [{ patterns: 'badger' }, 'patterns'], [{ patterns: [7] }, 'patterns.0'], [{ action: 'delete' }, 'action'], [{ direction: 'up' }, 'direction'], [{ words: [] }, 'words'], [{ kind: '' }, 'kind'],
  ])('are not made of %j', async (body, param) => {
    expect(await ask('POST', '/rules', body)).toMatchObject({ status: 400, json: { error: { param } }, request: undefined });
  });

  it('are listed; a long list is told by its count', async () => {
    const { json, request } = await ask('GET', '/rules?project_id=project_1');
    expect(request).toEqual({ organisationId: 'org_1', projectId: 'project_1' });
    expect(json).toEqual({
      object: 'list', has_more: false, policy_version: 7,
      data: [SHOWN, { ...SHOWN, id: 'rule_2', project_id: 'project_1', action: 'mask', direction: 'out', patterns: null, pattern_count: 21 }],
    });
  });

  it('are told one by one with all that they look for', async () => {
    const { json, request } = await ask('GET', '/rules/rule_2');
    expect(request).toEqual({ organisationId: 'org_1', ruleId: 'rule_2' });
    expect(json).toMatchObject({ id: 'rule_2', pattern_count: 21, patterns: Array.from({ length: 21 }, (_, index) => `w${index}`) });
  });

  it('are removed', async () => {
    const { json, request } = await ask('DELETE', '/rules/rule_1');
    expect(request).toEqual({ actor, ruleId: 'rule_1' });
    expect(json).toEqual({ ...SHOWN, deleted: true, policy_version: 8 });
    expect(asked.slice(1)).toEqual([['awaitRules', { organisationId: 'org_1', policyVersion: 8n }]]);
  });

  it.each([['POST', '/rules', {}, [201, 403, 403]], ['DELETE', '/rules/rule_1', undefined, [200, 403, 403]], ['GET', '/rules', undefined, [200, 200, 200]], ['GET', '/rules/rule_2', undefined, [200, 200, 200]], ['POST', '/try', { text: 'a' }, [200, 200, 200]], ['GET', '/stats', undefined, [200, 200, 200]]] as const)(
    '%s %s depends on the role', async (method, path, body, expected) => {
      const statuses = [];
      for (role of [Role.OWNER, Role.MEMBER, Role.AUDITOR]) statuses.push((await ask(method, path, body)).status);
      expect(statuses).toEqual(expected);
    },
  );
});

describe('a trial', () => {
  it('shows what would leave, and where rules matched', async () => {
    const { json, request } = await ask('POST', '/try', { text: 'a badger b' });
    expect(request).toEqual({ organisationId: 'org_1', projectId: '', text: 'a badger b', direction: Direction.IN });
    expect(json).toEqual({
      object: 'filter.trial', text: 'a ****** b', action: 'mask', rule_title: null, policy_version: 7,
      hits: [{ rule_id: 'rule_1', kind: 'word', action: 'mask', direction: 'in', start: 3, end: 9 }],
    });
    expect((await ask('POST', '/try', { text: '', direction: 'out', project_id: 'project_1' })).request).toMatchObject({ projectId: 'project_1', direction: Direction.OUT });
    expect(await ask('POST', '/try', { text: 'a', direction: 'both' })).toMatchObject({ status: 400, json: { error: { param: 'direction' } } });
  });
});

it.each([['GET', '/rules?project_id=nosuch', undefined], ['GET', '/stats?project_id=nosuch', undefined], ['POST', '/try', { text: 'a', project_id: 'nosuch' }]] as const)('%s %s tells who mistypes a project', async (method, path, body) => {
  expect(await ask(method, path, body)).toMatchObject({ status: 404, json: { error: { code: 'not_found', param: 'project_id' } }, request: undefined });
});

describe('statistics', () => {
  it('tell how often each rule spoke', async () => {
    const { json, request } = await ask('GET', '/stats?since=2026-11-01T00:00:00Z&project_id=project_1');
    expect(request).toEqual({ organisationId: 'org_1', projectId: 'project_1', sinceMs: BigInt(Date.parse('2026-11-01')) });
    expect(json).toEqual({ object: 'list', has_more: false, data: [{ object: 'filter.stats', rule_id: 'rule_1', title: 'keyword rule', project_id: 'project_1', blocked: 2, masked: 0, flagged: 1, last_hit_at: '2023-11-14T22:13:20.000Z' }] });
  });
});
