import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiServer } from '../testing/api-server.ts';
import { runCli, type CliResult } from '../testing/run-cli.ts';

const PRICE = { object: 'price', id: 'price_1', model: 'tiny', currency: 'USD', input_nano: '150', cached_input_nano: '150', output_nano: '600', reasoning_nano: '600', valid_from: '2026-11-22T10:00:00.000Z' };
const BUDGET = { object: 'budget', level: 'key', id: 'key_1', amount: '9007199254740993', spent: '12', held: '0', overrun: '0', currency: 'USD', period: 'day', period_start: '2026-11-22T00:00:00.000Z' };
const USAGE = { object: 'usage', model: 'tiny', calls: '2', input_tokens: '10', cached_input_tokens: '0', output_tokens: '20', reasoning_tokens: '0', cost: '13500', overrun: '0' };
const CHECK = { object: 'ledger_check', ok: true, transactions: '1', entries: '2', calls: '3', billed: '13500', overrun: '0', held: '0', currency: 'USD', faults: [] };
const list = (data: object[], more = {}): object => ({ object: 'list', data, has_more: false, ...more });

const api = new ApiServer();
beforeAll(() => api.listen());
afterAll(() => api.close());
const sluice = (words: string[]): Promise<CliResult> => runCli(words, { env: api.environment });
const lastBody = (): unknown => api.seen.at(-1)?.body;

describe('price', () => {
  it('is set in nano-units a token, and told by the million', async () => {
    api.on('PUT /admin/v1/prices/org%2Ftiny', { json: PRICE });
    const { code, stdout } = await sluice(['price', 'set', 'org/tiny', '--input', '150', '--output', '600', '--cached-input', '0']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'tiny: input 0.15, output 0.60 USD a million tokens, from 2026-11-22T10:00:00.000Z\n' });
    expect(lastBody()).toEqual({ input_nano: '150', output_nano: '600', cached_input_nano: '0' });
  });

  it('is listed, and says what it means that there is none', async () => {
    api.on('GET /admin/v1/prices', { json: list([PRICE], { currency: 'USD' }) });
    expect((await sluice(['price', 'list'])).stdout).toMatch(/MODEL +INPUT \(USD\/M tokens\)[^]*tiny +0\.15 +0\.15 +0\.60 +0\.60/);
    expect((await sluice(['price', 'currency'])).stdout).toBe('USD\n');
    api.on('GET /admin/v1/prices', { json: list([PRICE, { ...PRICE, model: 'old', removed: true }], { currency: 'USD' }) });
    expect((await sluice(['price', 'list'])).stdout).toMatch(/^tiny  [^]*^old \(removed\)  /m);
    api.on('GET /admin/v1/prices', { json: list([], { currency: 'USD' }) });
    expect((await sluice(['price', 'list'])).stdout).toContain('calls cost nothing');
  });

  it.each([[['price', 'set', 'tiny', '--input', '1.5', '--output', '1'], 'nano-units'], [['price', 'set', 'tiny', '--input', '1'], '--output'], [['price', 'currency', 'euro'], 'ISO 4217']])('refuses %j', async (words, message) => {
    const before = api.seen.length;
    expect(await sluice(words)).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
    expect(api.seen.length).toBe(before);
  });
});

it('names the option that the platform refuses, and what to type instead', async () => {
  const refuse = (param: string, message: string, status = 400) => ({ status, json: { error: { message, type: 'invalid_request_error', param, code: status === 404 ? 'not_found' : 'invalid_value' } } });
  api.on('PUT /admin/v1/prices/tiny', refuse('output_nano', '`output_nano` must lie between 0 and 5 nano-units a token.'));
  expect(await sluice(['price', 'set', 'tiny', '--input', '1', '--output', '6'])).toMatchObject({ code: 2, stderr: expect.stringMatching(/^sluice: --output must lie between 0 and 5 nano-units a token\.\n\(sluice price set --help/) });
  api.on('GET /admin/v1/usage', refuse('key_id', 'There is no such key.', 404));
  expect(await sluice(['usage', '--key', 'nosuch'])).toMatchObject({ code: 1, stderr: 'sluice: There is no such key. (--key)\nGive its id: sluice key list\n' });
  for (const words of [['budget', 'show'], ['price', 'list'], ['limit', 'list'], ['parameter', 'list'], ['filter', 'list']]) {
    for (const path of ['budgets', 'prices', 'limits', 'parameter-rules', 'filter/rules']) api.on(`GET /admin/v1/${path}`, { json: list([], { currency: 'USD', policy_version: 1 }) });
    expect((await runCli(words, { env: { ...api.environment, SLUICE_COMMAND: './sluice' } })).stdout).toContain(`: ./sluice ${words[0]} `);
  }
});

it('whoami shows the organisation, the key and its role', async () => {
  api.on('GET /admin/v1/whoami', { json: { object: 'principal', key_id: 'key_0', organisation_id: 'org_1', role: 'owner' } });
  expect(await sluice(['whoami'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^organisation  org_1\nkey           key_0\nrole          owner\nplatform      http/) });
  expect(JSON.parse((await sluice(['whoami', '--json'])).stdout)).toMatchObject({ organisation_id: 'org_1', role: 'owner' });
});

describe('budget', () => {
  it('is set for a key, a project or the own organisation', async () => {
    api.on('PUT /admin/v1/budgets', { json: BUDGET }).on('GET /admin/v1/whoami', { json: { object: 'principal', key_id: 'key_0', organisation_id: 'org_1', role: 'owner' } });
    expect((await sluice(['budget', 'set', '--key', 'key_1', '--amount', '9007199254740993', '--period', 'day'])).stdout).toBe('key key_1: 9007199.254740993 USD a day; spent 0.000000012, held 0.00\n');
    expect(lastBody()).toEqual({ level: 'key', id: 'key_1', amount: '9007199254740993', period: 'day' });
    expect((await sluice(['budget', 'set', '--organisation', '--amount', '5', '--period', 'none'])).code).toBe(0);
    expect(lastBody()).toEqual({ level: 'organisation', id: 'org_1', amount: '5', period: 'none' });
    api.on('PUT /admin/v1/budgets', { json: { ...BUDGET, period: 'none', period_start: null } });
    expect((await sluice(['budget', 'set', '--organisation', 'org_2', '--amount', '5', '--period', 'none'])).stdout).toBe('organisation key_1: 9007199.254740993 USD, period none; spent 0.000000012, held 0.00\n');
    expect(lastBody()).toMatchObject({ id: 'org_2' });
  });

  it('is shown to programs as a list of objects, every integer a string', async () => {
    api.on('GET /admin/v1/budgets', { json: list([BUDGET]) });
    expect(JSON.parse((await sluice(['budget', 'show', '--json'])).stdout)).toEqual([BUDGET]);
    expect((await sluice(['budget', 'show'])).stdout).toMatch(/key +key_1 +day +2026-11-22T00:00:00\.000Z +9007199\.254740993 +0\.000000012 +0\.00/);
    api.on('GET /admin/v1/budgets', { json: list([{ ...BUDGET, period: 'none', period_start: null }]) });
    expect((await sluice(['budget', 'show'])).stdout).toMatch(/key +key_1 +none +- +9007199/);
  });

  it('is removed', async () => {
    api.on('DELETE /admin/v1/budgets', { json: { ...BUDGET, deleted: true } });
    expect((await sluice(['budget', 'remove', '--key', 'key_1'])).stdout).toBe('removed the budget of key key_1\n');
    expect(api.seen.at(-1)?.url).toBe('/admin/v1/budgets?level=key&id=key_1');
  });

  it.each([
    [['budget', 'set', '--amount', '1', '--period', 'day'], 'one of --organisation'],
    [['budget', 'set', '--key', 'a', '--project', 'b', '--amount', '1', '--period', 'day'], 'one of --organisation'],
    [['budget', 'set', '--key', 'a', '--amount', '1', '--period', 'week'], 'Allowed choices are day, month, none'],
    [['budget', 'set', '--key', 'a', '--amount', '-1', '--period', 'day'], 'nano-units'],
    [['budget', 'set', '--key', 'a', '--period', 'day'], '--amount'],
  ])('refuses %j', async (words, message) => expect(await sluice(words)).toMatchObject({ code: 2, stderr: expect.stringContaining(message) }));
});

describe('usage and ledger', () => {
  it('show what was used since the month began', async () => {
    api.on('GET /admin/v1/usage', { json: list([USAGE], { currency: 'USD' }) });
    expect((await sluice(['usage', '--by', 'model'])).stdout).toMatch(/MODEL +CALLS +INPUT +CACHED +OUTPUT +REASONING +COST \(USD\)\ntiny +2 +10 +0 +20 +0 +0\.0000135/);
    expect(api.seen.at(-1)?.url).toMatch(/\/usage\?group_by=model&since=\d{4}-\d{2}-01$/);
    expect((await sluice(['usage', '--by', 'none', '--since', '2026-01-01'])).stdout).toMatch(/^CALLS/);
    expect((await sluice(['usage', '--by', 'none', '--until', '2025-03-17'])).code).toBe(0);
    expect(api.seen.at(-1)?.url).toMatch(/since=2025-03-01&until=2025-03-17$/);
    api.on('GET /admin/v1/usage', { json: list([], { currency: 'USD' }) });
    expect((await sluice(['usage', '--until', '2025-03-17'])).stdout).toBe('Nothing was used from 2025-03-01 to 2025-03-17.\n');
    expect((await sluice(['usage', '--since', '2025-03-02'])).stdout).toBe('Nothing was used since 2025-03-02.\n');
    api.on('GET /admin/v1/usage', { json: list([{ ...USAGE, overrun: '7000' }], { currency: 'USD' }) });
    expect((await sluice(['usage', '--by', 'model'])).stdout).toMatch(/COST \(USD\) +OVERRUN\ntiny .* 0\.0000135 +0\.000007/);
    expect(await sluice(['usage', '--by', 'user'])).toMatchObject({ code: 2 });
    expect(await sluice(['usage', '--since', 'monday'])).toMatchObject({ code: 2 });
    expect(await sluice(['usage', '--since', '2026-02-31'])).toMatchObject({ code: 2 });
    expect(await sluice(['usage', '--since', '2026-12-01', '--until', '2026-01-01'])).toMatchObject({ code: 2, stderr: expect.stringContaining('lies before') });
  });

  it('end with 1 when a law of the ledger does not hold', async () => {
    api.on('GET /admin/v1/ledger/check', { json: CHECK });
    expect(await sluice(['ledger', 'check'])).toMatchObject({ code: 0, stdout: 'the ledger balances: 3 calls in 1 transactions of 2 entries; billed 0.0000135 USD, held 0.00\n' });
    api.on('GET /admin/v1/ledger/check', { json: { ...CHECK, overrun: '7000' } });
    expect((await sluice(['ledger', 'check'])).stdout).toContain('billed 0.0000135 USD, overrun 0.000007, held 0.00');
    api.on('GET /admin/v1/ledger/check', { json: { ...CHECK, ok: false, faults: [{ law: 'billed_twice', detail: 'call 1' }] } });
    expect(await sluice(['ledger', 'check'])).toMatchObject({ code: 1, stdout: expect.stringContaining('billed_twice: call 1') });
    expect((await sluice(['ledger', 'check', '--json'])).code).toBe(1);
  });
});
