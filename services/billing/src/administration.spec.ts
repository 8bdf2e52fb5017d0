import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AccessService, Level } from '@sluice/proto/access/v1/access';
import type { Price } from '@sluice/proto/billing/v1/billing';
import { AdminActedSchema } from '@sluice/proto/events/v1/calls';
import { SqlError, type Sql, type SqlPool } from '@sluice/sql';
import { breaksAt } from '@sluice/testkit';
import { MAX_BUDGET_NANO, MAX_PRICE_NANO } from './domain/money.ts';
import { MAX_BUDGETS } from './domain/set-budget.ts';
import { MAX_MODEL_CHARACTERS } from './domain/set-price.ts';
import { House, OWNER, Talk, until, type Running } from './testing/house.ts';

let house: House;
let running: Running;
let sql: SqlPool;
beforeAll(async () => {
  house = await House.build();
  sql = house.sql('billing');
});
afterAll(async () => { await house[Symbol.asyncDispose](); });
beforeEach(async () => { running = await house.start(); });
afterEach(async () => {
  await running.stop();
  await sql.query('DELETE FROM budget');
});

const MEMBER = { ...OWNER, keyId: 'member' };
const price = (more: object = {}) => running.billing.setPrice({ actor: OWNER, model: 'small', inputNano: 3n, outputNano: 5n, ...more });
const budget = (more: object = {}) => running.billing.setBudget({ actor: OWNER, level: Level.KEY, subjectId: 'key', amountNano: 100n, period: 'month', ...more });
const list = async (organisationId = 'org') => (await running.billing.listBudgets({ organisationId })).budgets;
const acted = () => sql.transaction((transaction) => house.events.position(transaction, AdminActedSchema));
const hold = (outputTokens: bigint, { model = 'small', organisationId = 'org', keyId = 'key' } = {}) =>
  new Talk(running.billing).ask({
    case: 'hold',
    value: { $typeName: 'billing.v1.HoldRequest', callId: house.callId(), organisationId, projectId: 'proj', keyId, model, producer: 'gateway', epoch: 9n, inputTokensBound: 0n, outputTokens, outputTokensBound: 0n, leastOutputTokens: 0n },
  });

describe('a budget that is lowered under load', () => {
  it('accuses nobody, however much is asked for while it is set', async () => {
    await price({ inputNano: 1n, outputNano: 1n });
    await budget({ amountNano: 1_000_000n, period: 'day' });
    let isSet = false;
    const lowering = budget({ amountNano: 10n, period: 'day' }).finally(() => { isSet = true; });
    let asked = 0;
    for (; !isSet && asked < 100_000; asked++) {
      await hold(100n);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await lowering;
    expect(asked).toBeGreaterThan(0);
    expect((await running.billing.checkLedger({ organisationId: 'org' })).faults).toEqual([]);
  });
});

describe('a price', () => {
  it('has what was not given from what was: cached input as input, reasoning as output', async () => {
    expect((await price()).price).toMatchObject({ id: expect.stringMatching(/^price_/), model: 'small', currency: 'USD', inputNano: 3n, cachedInputNano: 3n, outputNano: 5n, reasoningNano: 5n, validFromMs: expect.any(BigInt) });
    expect((await price({ cachedInputNano: 0n, reasoningNano: 9n })).price).toMatchObject({ cachedInputNano: 0n, reasoningNano: 9n });
  });

  it('is a new version each time, in order also within one moment and when the clock was set back', async () => {
    const versions: Price[] = [];
    for (let at = 0; at < 3; at++) versions.push((await price({ model: 'versions', inputNano: BigInt(at) })).price!);
    expect(versions.map(({ validFromMs }) => validFromMs - versions[0]!.validFromMs)).toEqual([0n, 1n, 2n]);
    const { prices } = await running.billing.listPrices({ organisationId: 'org', history: true });
    expect(prices.filter(({ model }) => model === 'versions')).toEqual(versions.toReversed());
    expect((await running.billing.listPrices({ organisationId: 'org' })).prices.filter(({ model }) => model === 'versions')).toEqual([versions[2]]);
    expect((await running.billing.listPrices({ organisationId: 'other' })).prices).toEqual([]);
    await running.stop();
    running = await house.start();
    expect(await hold(1n, { model: 'versions' })).toMatchObject({ case: 'grant', value: { price: { inputNano: 2n } } });
  });

  it.each([
    [{ model: '' }, 'missing_required_parameter', 'model'], [{ model: 'x'.repeat(MAX_MODEL_CHARACTERS + 1) }, 'invalid_value', 'model'], [{ model: 'two words' }, 'invalid_value', 'model'],
    [{ inputNano: -1n }, 'invalid_value', 'input_nano'], [{ outputNano: MAX_PRICE_NANO + 1n }, 'invalid_value', 'output_nano'], [{ cachedInputNano: -1n }, 'invalid_value', 'cached_input_nano'],
    [{ reasoningNano: MAX_PRICE_NANO + 1n }, 'invalid_value', 'reasoning_nano'], [{ actor: undefined }, 'missing_required_parameter', 'actor'], [{ actor: MEMBER }, 'insufficient_permissions', undefined],
  ])('is refused with a reason: %p', async (more, code, param) => {
    const before = await acted();
    await expect(price(more)).rejects.toMatchObject({ code, ...(param && { param }) });
    expect(await acted()).toBe(before);
  });

  it('fixes the currency', async () => {
    await price();
    await expect(running.billing.setCurrency({ actor: OWNER, currency: 'EUR' })).rejects.toMatchObject({ code: 'failed_precondition' });
    expect(await running.billing.setCurrency({ actor: { keyId: 'owner', organisationId: 'other' }, currency: 'JPY' })).toMatchObject({ currency: 'JPY' });
    await running.stop();
    running = await house.start();
    expect((await running.billing.listPrices({ organisationId: 'other' })).currency).toBe('JPY');
    expect(await hold(1n, { organisationId: 'other', keyId: 'theirs' })).toMatchObject({ case: 'grant', value: { hold: { amountNano: 0n, limited: false }, price: { id: '', currency: 'JPY' } } });
  });
});

describe('a budget', () => {
  it('is set on organisation, project and key, changed, listed and removed', async () => {
    await budget({ level: Level.ORGANISATION, subjectId: 'org', period: 'none' });
    await budget({ level: Level.PROJECT, subjectId: 'proj', period: 'day' });
    await budget();
    expect((await budget({ amountNano: 70n })).budget).toMatchObject({ organisationId: 'org', level: Level.KEY, subjectId: 'key', amountNano: 70n, period: 'month', spentNano: 0n, overrunNano: 0n, currency: 'USD' });
    expect((await list()).map(({ level, subjectId, amountNano, period }) => [level, subjectId, amountNano, period])).toEqual([
      [Level.ORGANISATION, 'org', 100n, 'none'], [Level.PROJECT, 'proj', 100n, 'day'], [Level.KEY, 'key', 70n, 'month'],
    ]);
    expect((await list()).map(({ periodStartMs }) => periodStartMs)).toEqual([0n, BigInt(Date.UTC(2023, 10, 14)), BigInt(Date.UTC(2023, 10, 1))]);
    expect(await list('other')).toEqual([]);
    const before = await acted();
    expect((await running.billing.removeBudget({ actor: OWNER, level: Level.KEY, subjectId: 'key' })).budget).toMatchObject({ amountNano: 70n });
    expect(await acted()).toBe(before + 1n);
    await expect(running.billing.removeBudget({ actor: OWNER, level: Level.KEY, subjectId: 'key' })).rejects.toMatchObject({ code: 'not_found', param: 'subject_id' });
    await expect(running.billing.removeBudget({ actor: MEMBER, level: Level.PROJECT, subjectId: 'proj' })).rejects.toMatchObject({ code: 'insufficient_permissions' });
    expect(await list()).toHaveLength(2);
  });

  it.each([
    [{ subjectId: 'key_of_nobody' }, 'not_found', 'subject_id'], [{ subjectId: 'owner' }, 'not_found', 'subject_id'], [{ level: Level.ORGANISATION, subjectId: 'other' }, 'not_found', 'subject_id'],
    [{ level: Level.PROJECT, subjectId: 'key' }, 'not_found', 'subject_id'], [{ level: Level.UNSPECIFIED }, 'invalid_value', 'level'], [{ period: 'week' }, 'invalid_value', 'period'],
    [{ amountNano: -1n }, 'invalid_value', 'amount_nano'], [{ amountNano: MAX_BUDGET_NANO + 1n }, 'invalid_value', 'amount_nano'], [{ actor: MEMBER }, 'insufficient_permissions', undefined],
    [{ actor: { keyId: 'owner', organisationId: 'other' } }, 'not_found', 'subject_id'],
  ])('is refused with a reason: %p', async (more, code, param) => {
    await expect(budget(more)).rejects.toMatchObject({ code, ...(param && { param }) });
    expect(await list()).toEqual([]);
  });

  it('set below what is held takes nothing back and grants nothing more; removed, it limits nothing', async () => {
    await price({ model: 'lowered' });
    await budget({ amountNano: 1_000n, period: 'day' });
    expect(await hold(100n, { model: 'lowered' })).toMatchObject({ case: 'grant', value: { hold: { amountNano: 500n } } });
    await budget({ amountNano: 10n, period: 'day' });
    expect(await hold(1n, { model: 'lowered' })).toMatchObject({ case: 'refusal', value: { amountNano: 10n, heldNano: 500n, spentNano: 0n } });
    expect(await running.billing.checkLedger({ organisationId: 'org' })).toMatchObject({ faults: [], heldNano: 500n });
    await running.billing.removeBudget({ actor: OWNER, level: Level.KEY, subjectId: 'key' });
    expect(await hold(1n, { model: 'lowered' })).toMatchObject({ case: 'grant', value: { hold: { limited: false } } });
  });

  it('without a period counts from when it was first set, and goes on when its amount is changed', async () => {
    const day = Math.floor(house.clock.wallMs() / 86_400_000);
    await sql.query("INSERT INTO spend_day VALUES ('key', 'key', $1, 'org', 40, 30, 20), ('key', 'key', $1 - 100, 'org', 1000, 500, 0)", [day]);
    await running.stop();
    running = await house.start();
    await budget({ period: 'none' });
    expect(await list()).toMatchObject([{ spentNano: 0n, overrunNano: 0n }]);
    await sql.query("UPDATE spend_day SET spent_nano = 47, overrun_nano = 32 WHERE subject_id = 'key' AND day = $1", [day]);
    await running.stop();
    running = await house.start();
    expect(await list()).toMatchObject([{ spentNano: 7n, overrunNano: 2n }]);
    await budget({ period: 'none', amountNano: 8n });
    expect(await list()).toMatchObject([{ spentNano: 7n, overrunNano: 2n, amountNano: 8n }]);
    await budget({ period: 'day' });
    expect(await list()).toMatchObject([{ spentNano: 47n, overrunNano: 32n }]);
    await sql.query("UPDATE spend_day SET spent_nano = 49, overrun_nano = 33 WHERE subject_id = 'key' AND day = $1", [day]);
    await running.stop();
    running = await house.start();
    // Whoever sets another period and this one again has not given the money out once more.
    await budget({ period: 'month', amountNano: 5n });
    expect(await list()).toMatchObject([{ period: 'month', spentNano: 49n, overrunNano: 33n }]);
    await budget({ period: 'none', amountNano: 8n });
    expect(await list()).toMatchObject([{ spentNano: 9n, overrunNano: 3n, amountNano: 8n }]);
    expect((await running.billing.checkLedger({ organisationId: 'org' })).faults.filter(({ law }) => law === 'budget_exceeded')).toEqual([]);
    // One that was removed begins anew.
    await running.billing.removeBudget({ actor: OWNER, level: Level.KEY, subjectId: 'key' });
    await budget({ period: 'none', amountNano: 8n });
    expect(await list()).toMatchObject([{ spentNano: 0n, overrunNano: 0n }]);
    await sql.query("DELETE FROM spend_day WHERE subject_id = 'key'");
  });

  it('without a period is not excused by what was above holds before it was set', async () => {
    const day = Math.floor(house.clock.wallMs() / 86_400_000);
    await sql.query("INSERT INTO spend_day VALUES ('key', 'key', $1, 'org', 40, 0, 40)", [day]);
    await running.stop();
    running = await house.start();
    await budget({ period: 'none', amountNano: 5n });
    const exceeded = async () => (await running.billing.checkLedger({ organisationId: 'org' })).faults.filter(({ law }) => law === 'budget_exceeded').length;
    expect(await exceeded()).toBe(0);
    await sql.query("UPDATE spend_day SET spent_nano = 46 WHERE subject_id = 'key' AND day = $1", [day]);
    await running.stop();
    running = await house.start();
    expect(await exceeded()).toBe(1);
    await sql.query("DELETE FROM spend_day WHERE subject_id = 'key'");
  });

  it('is told exactly, however much was reported above holds', async () => {
    const day = Math.floor(house.clock.wallMs() / 86_400_000);
    await sql.query("INSERT INTO spend_day VALUES ('key', 'key', $1, 'org', 0, 18446744073709551617::numeric, 0)", [day]);
    const { budget: set } = await budget({ period: 'day' });
    expect(set).toMatchObject({ spent: '0', held: '0', overrun: '18446744073709551617', overrunNano: 2n ** 63n - 1n });
    expect(await list()).toEqual([set]);
    await sql.query("DELETE FROM spend_day WHERE subject_id = 'key'");
  });

  it('has a number of them that is bounded', async () => {
    await sql.query("INSERT INTO budget SELECT 'org', 'key', 'key_' || at, 1, 'day', 0, 0, 0, 0 FROM generate_series(1, $1::int) AS at", [MAX_BUDGETS]);
    await expect(budget()).rejects.toMatchObject({ code: 'failed_precondition' });
    await expect(budget({ subjectId: 'key_2' })).resolves.toBeDefined();
  });
});

describe('an act', () => {
  it('does not happen in the tables or in memory when it cannot be recorded', async () => {
    await running.stop();
    running = await house.start({ events: breaksAt(house.events, 1) });
    const before = await sql.query('SELECT id FROM price');
    await expect(price({ model: 'unrecorded' })).rejects.toMatchObject({ code: 'internal' });
    expect(await sql.query('SELECT id FROM price')).toEqual(before);
    expect(await hold(1n, { model: 'unrecorded' })).toMatchObject({ case: 'grant', value: { price: { id: '' } } });
    expect((await price({ model: 'unrecorded' })).price).toMatchObject({ model: 'unrecorded' });
    expect(await hold(1n, { model: 'unrecorded' })).toMatchObject({ case: 'grant', value: { price: { inputNano: 3n } } });
  });

  it('waits for access and no longer', async () => {
    await running.stop();
    running = await house.startClosed({}, false);
    await until(() => running.platform.health.report().status, (status) => status === 'ok');
    await expect(price()).rejects.toMatchObject({ code: 'access_unavailable' });
    await expect(budget()).rejects.toMatchObject({ code: 'access_unavailable' });
    running.platform.serve(AccessService, { authorise: async () => ({}), listApiKeys: () => Promise.reject(new Error('no')) } as never);
    await expect(budget()).rejects.toMatchObject({ code: 'access_unavailable' });
  });
});

describe('usage', () => {
  beforeAll(async () => {
    await sql.query(`INSERT INTO usage_day SELECT 'used', day, 'p' || p, 'k' || p, 'm' || m, 1, 10, 4, 20, 5, 100, 1
      FROM generate_series(100, 102) day, generate_series(1, 2) p, generate_series(1, 2) m`);
  });
  const usage = async (more: object = {}) => (await running.billing.getUsage({ organisationId: 'used', sinceDay: 100n, untilDay: 102n, ...more })).rows;

  it('is added up over what it is not grouped by', async () => {
    expect(await usage()).toMatchObject([{ day: 0n, projectId: '', calls: 12n, inputTokens: 120n, cachedInputTokens: 48n, outputTokens: 240n, reasoningTokens: 60n, costNano: 1200n, overrunNano: 12n }]);
    expect((await usage({ groupBy: ['day'] })).map(({ day, calls }) => [day, calls])).toEqual([[100n, 4n], [101n, 4n], [102n, 4n]]);
    expect((await usage({ groupBy: ['project', 'model'], untilDay: 100n })).map(({ projectId, model, costNano }) => [projectId, model, costNano])).toEqual([['p1', 'm1', 100n], ['p1', 'm2', 100n], ['p2', 'm1', 100n], ['p2', 'm2', 100n]]);
    expect(await usage({ groupBy: ['key'], keyId: 'k2', projectId: 'p2', model: 'm1' })).toMatchObject([{ keyId: 'k2', calls: 3n }]);
    expect(await usage({ groupBy: ['key'], projectId: 'of another' })).toEqual([]);
  });

  it('is of today when no days are named, and of no other organisation', async () => {
    const { rows } = await running.billing.getUsage({ organisationId: 'used' });
    expect(rows).toMatchObject([{ calls: 0n, costNano: 0n }]);
    expect(await running.billing.getUsage({ organisationId: 'org', sinceDay: 100n, untilDay: 102n })).toMatchObject({ rows: [{ calls: 0n }] });
  });

  it('is exact beyond 64 bits', async () => {
    await sql.query(`INSERT INTO usage_day SELECT 'rich', 100, 'p', 'k' || k, 'm', 1, 10, 4, 20, 5, 9223372036854775807::numeric * 10 + k, 9223372036854775807 FROM generate_series(1, 2) k`);
    const { rows } = await running.billing.getUsage({ organisationId: 'rich', sinceDay: 100n, untilDay: 100n });
    expect(rows).toMatchObject([{ cost: String(20n * (2n ** 63n - 1n) + 3n), overrun: String(2n * (2n ** 63n - 1n)), costNano: 2n ** 63n - 1n, overrunNano: 2n ** 63n - 1n }]);
    expect((await usage({ groupBy: ['day'] }))[0]).toMatchObject({ cost: '400', overrun: '4' });
  });

  it('is of no days that end before they begin; of days to come it is nothing', async () => {
    const today = BigInt(Math.floor(house.clock.wallMs() / 86_400_000));
    for (const days of [{ sinceDay: 101n, untilDay: 100n }, { sinceDay: 0n, untilDay: today - 1n }]) {
      await expect(usage(days)).rejects.toMatchObject({ code: 'invalid_value', param: 'until_day' });
    }
    for (const days of [{ sinceDay: 100n, untilDay: 100n }, { sinceDay: -5n, untilDay: -1n }, { sinceDay: 0n, untilDay: today }, { sinceDay: today + 5n, untilDay: 0n }]) await expect(usage(days)).resolves.toHaveLength(1);
  });

  it('is grouped by what there is', async () => {
    await expect(usage({ groupBy: ['user'] })).rejects.toMatchObject({ code: 'invalid_value', param: 'group_by' });
    await expect(usage({ groupBy: ['toString'] })).rejects.toMatchObject({ code: 'invalid_value' });
  });
});

describe('without its database', () => {
  it('billing goes on to hold and to refuse, and says to all else that it is away', async () => {
    await price({ model: 'away' });
    await budget({ amountNano: 500n });
    await running.stop();
    let isAway = false;
    const platform = house.platform();
    running = await house.start({
      sql: async (schema, migrations) => {
        const real = await platform.sql(schema, migrations);
        const fail = () => Promise.reject(new SqlError('unavailable', 'gone'));
        return { query: (...given) => (isAway ? fail() : real.query<never>(...given)), transaction: (work) => (isAway ? fail() : real.transaction(work)) } satisfies Sql;
      },
    });
    isAway = true;
    expect(await hold(60n, { model: 'away' })).toMatchObject({ case: 'grant', value: { hold: { amountNano: 300n } } });
    expect(await hold(60n, { model: 'away' })).toMatchObject({ case: 'grant', value: { hold: { amountNano: 200n, outputTokens: 40n } } });
    expect(await hold(1n, { model: 'away' })).toMatchObject({ case: 'refusal', value: { heldNano: 500n } });
    for (const asked of [() => price(), () => budget(), () => list(), () => running.billing.getUsage({ organisationId: 'org' }), () => running.billing.checkLedger({ organisationId: 'org' })]) {
      await expect(asked()).rejects.toMatchObject({ code: 'billing_unavailable' });
    }
    isAway = false;
    expect(await list()).toMatchObject([{ heldNano: 500n }]);
  });
});
