import { afterAll, describe, expect, it } from '@jest/globals';
import { ManualClock, systemIds } from '@sluice/clock';
import { Level, Role } from '@sluice/proto/access/v1/access';
import { silentLogger } from '@sluice/telemetry';
import { adminServer } from '../admin-server.ts';
import type { AdminDoor } from './door.ts';

const PRICE = { id: 'price_1', model: 'org/small', currency: 'USD', inputNano: 150n, cachedInputNano: 75n, outputNano: 600n, reasoningNano: 600n, validFromMs: 1_700_000_000_000n };
const BUDGET = { level: Level.PROJECT, subjectId: 'project_1', amountNano: 9_007_199_254_740_993n, spent: '90071992547409930000000', held: '7', overrun: '0', period: 'month', currency: 'USD', periodStartMs: 1_700_000_000_000n };
const ROW = { day: 20_000n, projectId: 'project_1', keyId: 'key_1', model: 'org/small', calls: 2n, inputTokens: 10n, cachedInputTokens: 1n, outputTokens: 20n, reasoningTokens: 3n, cost: '90071992547409930400', overrun: '400' };

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
  administrator: async () => ({ keyId: 'key_0', organisationId: 'org_1', role }),
  access: { listProjects: async () => ({ projects: [{ id: 'project_1' }] }), listApiKeys: async () => ({ keys: [{ id: 'key_1' }] }) },
  registry: { listModels: async () => ({ models: [{ id: 'model_1', name: 'org/small' }], aliases: [{ name: 'chat', modelId: 'model_1' }] }) },
  billing: {
    setPrice: answering('setPrice', { price: PRICE }),
    listPrices: answering('listPrices', { currency: 'USD', prices: [PRICE, { ...PRICE, model: 'gone' }] }),
    setCurrency: answering('setCurrency', { currency: 'EUR' }),
    setBudget: async (request: { period: string }) => answering('setBudget', { budget: { ...BUDGET, period: request.period, periodStartMs: request.period === 'none' ? 0n : BUDGET.periodStartMs } })(request),
    removeBudget: answering('removeBudget', { budget: BUDGET }),
    listBudgets: answering('listBudgets', { budgets: [BUDGET] }),
    getUsage: async (request: { model: string }) => answering('getUsage', { currency: 'USD', rows: [{ ...ROW, calls: request.model === 'nosuch' ? 0n : ROW.calls }] })(request),
    listLedgerItems: answering('listLedgerItems', { items: [{ callId: 'a'.repeat(32), transactionId: 't', projectId: 'project_1', keyId: 'key_1', model: 'org/small', inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 20n, reasoningTokens: 0n, costNano: 9_007_199_254_740_993n, overrunNano: 0n }], hasMore: true }),
    checkLedger: answering('checkLedger', { faults: [{ law: 'projection', detail: 'd' }], transactions: 1n, entries: 2n, calls: 3n, billed: '18446744073709551616', overrun: '6', held: '5', currency: 'USD' }),
  },
} as unknown as AdminDoor & Parameters<typeof adminServer>[0]);
afterAll(() => server.close());

async function ask(method: 'GET' | 'PUT' | 'DELETE', path: string, body?: object): Promise<{ status: number; json: Record<string, unknown>; request: object | undefined }> {
  asked.length = 0;
  const answer = await server.inject({ method, url: `/admin/v1${path}`, ...(body && { payload: body, headers: { 'content-type': 'application/json' } }) });
  return { status: answer.statusCode, json: answer.json(), request: asked[0]?.[1] };
}

describe('prices', () => {
  it('are set for the model that a name stands for, in exact integers', async () => {
    const { json, request } = await ask('PUT', '/prices/chat', { input_nano: '150', output_nano: 600, cached_input_nano: '75' });
    expect(request).toEqual({ actor: { keyId: 'key_0', organisationId: 'org_1' }, model: 'org/small', inputNano: 150n, outputNano: 600n, cachedInputNano: 75n });
    expect(json).toMatchObject({ object: 'price', model: 'org/small', input_nano: '150', cached_input_nano: '75', output_nano: '600', reasoning_nano: '600', valid_from: '2023-11-14T22:13:20.000Z' });
  });

  it.each([
    [{ input_nano: 1.5, output_nano: 1 }, 'input_nano'],
    [{ input_nano: '-1', output_nano: 1 }, 'input_nano'],
    [{ input_nano: 1, output_nano: 2 ** 53 }, 'output_nano'],
    [{ input_nano: 1, output_nano: '1234567890123456789' }, 'output_nano'],
    [{ input_nano: 1 }, 'output_nano'],
    [{ input_nano: 1, output_nano: 1, outputs: 3 }, 'outputs'],
  ])('are not taken from %j', async (body, param) => {
    expect(await ask('PUT', '/prices/org%2Fsmall', body)).toMatchObject({ status: 400, json: { error: { param } }, request: undefined });
  });

  it('say what is wrong with an amount, and which one is missing', async () => {
    expect((await ask('PUT', '/prices/chat', { input_nano: '-1', output_nano: 1 })).json).toMatchObject({ error: { code: 'invalid_value', message: expect.stringContaining('an integer of nano-units') } });
    expect((await ask('PUT', '/prices/chat', { input_nano: 1 })).json).toMatchObject({ error: { code: 'missing_required_parameter', message: "Missing required parameter: 'output_nano'." } });
  });

  it('are not set for what is no model', async () => {
    expect(await ask('PUT', '/prices/nosuch', { input_nano: 1, output_nano: 1 })).toMatchObject({ status: 404, json: { error: { code: 'model_not_found', param: 'model' } } });
  });

  it('are listed with the currency, with their history when that is asked for', async () => {
    expect(await ask('GET', '/prices?history=true')).toMatchObject({ json: { currency: 'USD', data: [{ id: 'price_1', removed: false }, { model: 'gone', removed: true }] }, request: { organisationId: 'org_1', history: true } });
  });

  it('are in a currency by its code', async () => {
    expect((await ask('PUT', '/currency', { currency: 'EUR' })).request).toMatchObject({ currency: 'EUR' });
    expect(await ask('PUT', '/currency', { currency: 'euro' })).toMatchObject({ status: 400, json: { error: { param: 'currency' } } });
  });
});

describe('budgets', () => {
  const body = { level: 'project', id: 'project_1', amount: '9007199254740993', period: 'month' };

  it('are set at a level, beyond what a double holds', async () => {
    const { json, request } = await ask('PUT', '/budgets', body);
    expect(request).toMatchObject({ level: Level.PROJECT, subjectId: 'project_1', amountNano: 9_007_199_254_740_993n, period: 'month' });
    expect(json).toMatchObject({ object: 'budget', level: 'project', id: 'project_1', amount: '9007199254740993', spent: '90071992547409930000000', held: '7', overrun: '0', period: 'month', period_start: '2023-11-14T22:13:20.000Z' });
    expect((await ask('PUT', '/budgets', { ...body, period: 'none' })).json).toMatchObject({ period: 'none', period_start: null });
  });

  it.each([['level', 'team'], ['period', 'week'], ['amount', '-5'], ['amount', true], ['id', '']])('are not taken with %s %j', async (param, value) => {
    expect(await ask('PUT', '/budgets', { ...body, [param]: value })).toMatchObject({ status: 400, json: { error: { param } }, request: undefined });
  });

  it('are listed and removed', async () => {
    expect((await ask('GET', '/budgets')).json).toMatchObject({ object: 'list', data: [{ level: 'project', held: '7' }] });
    expect(await ask('DELETE', '/budgets?level=key&id=key_1')).toMatchObject({ json: { deleted: true }, request: { level: Level.KEY, subjectId: 'key_1' } });
  });
});

describe('usage and the ledger', () => {
  it('is grouped as asked', async () => {
    const { json, request } = await ask('GET', '/usage?group_by=day,model&since=2024-10-04&key_id=key_1');
    expect(request).toMatchObject({ organisationId: 'org_1', sinceDay: 20_000n, untilDay: 0n, groupBy: ['day', 'model'], keyId: 'key_1', projectId: '' });
    expect(json).toEqual({
      object: 'list',
      has_more: false,
      currency: 'USD',
      data: [{ object: 'usage', day: '2024-10-04', model: 'org/small', calls: '2', input_tokens: '10', cached_input_tokens: '1', output_tokens: '20', reasoning_tokens: '3', cost: '90071992547409930000', overrun: '400' }],
    });
    expect((await ask('GET', '/usage?group_by=')).request).toMatchObject({ groupBy: [] });
    for (const groups of ['user', 'day,', ',', 'day,,key']) expect(await ask('GET', `/usage?group_by=${groups}`)).toMatchObject({ status: 400, json: { error: { code: 'invalid_value', param: 'group_by' } } });
    expect(await ask('GET', '/usage?since=yesterday')).toMatchObject({ status: 400, json: { error: { param: 'since' } } });
  });

  it('is of what there is, or was: who mistypes an id is told so', async () => {
    for (const [parameter, code, param] of [['project_id=nosuch', 'not_found', 'project_id'], ['key_id=nosuch', 'not_found', 'key_id'], ['model=nosuch', 'model_not_found', 'model']]) {
      expect(await ask('GET', `/usage?${parameter}`)).toMatchObject({ status: 404, json: { error: { code, param } } });
    }
    expect(await ask('GET', '/usage?project_id=project_1&key_id=key_1&model=chat')).toMatchObject({ status: 200, request: { projectId: 'project_1', keyId: 'key_1', model: 'org/small' } });
    // Removed, but it has been used: asked for over all days first.
    const removed = await ask('GET', '/usage?since=2024-10-04&model=removed');
    expect([removed.status, asked.map(([, request]) => request)]).toMatchObject([200, [{ sinceDay: -1n, untilDay: 0n, groupBy: [], model: 'removed' }, { sinceDay: 20_000n, model: 'removed' }]]);
  });

  it('is of the days that are named, however early', async () => {
    expect((await ask('GET', '/usage')).request).toMatchObject({ sinceDay: 0n, untilDay: 0n });
    // The number of this day stands for today.
    expect((await ask('GET', '/usage?since=1970-01-01&until=1970-01-02')).request).toMatchObject({ sinceDay: -1n, untilDay: 1n });
    expect((await ask('GET', '/usage?since=1969-12-30&until=1970-01-01')).request).toMatchObject({ sinceDay: -2n, untilDay: -1n });
  });

  it('is checked, and says which law does not hold', async () => {
    expect((await ask('GET', '/ledger/check')).json).toMatchObject({ ok: false, transactions: '1', entries: '2', calls: '3', billed: '18446744073709551616', overrun: '6', held: '5', faults: [{ law: 'projection', detail: 'd' }] });
  });

  it('is told call by call, in exact amounts, a page of a time at once', async () => {
    const { json, request } = await ask('GET', `/ledger/items?limit=1000&after=${'0'.repeat(32)}&since=2023-11-14T22:13:20.000Z`);
    expect(request).toEqual({ organisationId: 'org_1', afterCallId: '0'.repeat(32), sinceMs: 1_700_000_000_000n, untilMs: 0n, limit: 1000 });
    expect(json).toMatchObject({ object: 'list', has_more: true, data: [{ object: 'ledger_item', call_id: 'a'.repeat(32), model: 'org/small', output_tokens: '20', cost_nano: '9007199254740993', overrun_nano: '0' }] });
    expect(await ask('GET', '/ledger/items?limit=1001')).toMatchObject({ status: 400, json: { error: { param: 'limit' } } });
    role = Role.MEMBER;
    expect((await ask('GET', '/ledger/items')).status).toBe(403);
    role = Role.OWNER;
  });
});

it('is changed by owners only', async () => {
  role = Role.MEMBER;
  expect((await ask('PUT', '/prices/chat', { input_nano: 1, output_nano: 1 })).status).toBe(403);
  expect((await ask('PUT', '/budgets', {})).status).toBe(403);
  expect((await ask('GET', '/budgets')).status).toBe(200);
});
