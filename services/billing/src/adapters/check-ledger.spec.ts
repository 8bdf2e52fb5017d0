import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LedgerTables, WIRE_HOLD, WIRE_PRICE } from '../testing/ledger-tables.ts';
import { admitted, completed, ScriptedProducer, type RecordedCall } from '../testing/scripted-producer.ts';
import { checkLedger } from './check-ledger.ts';

let tables: LedgerTables;
beforeAll(async () => { tables = await LedgerTables.build(); });
afterAll(async () => { await tables[Symbol.asyncDispose](); });

const DAY = 20_000;
let made = 0;

/** An organisation with one billed call of 35 nano-units. */
async function organisation(): Promise<{ readonly id: string; readonly call: RecordedCall; readonly laws: () => Promise<string[]> }> {
  const id = `org_${made++}`;
  const call: RecordedCall = { callId: tables.ids.callId(), organisationId: id, projectId: `${id}_p`, keyId: `${id}_k`, admittedAtMs: DAY * 86_400_000, hold: WIRE_HOLD, price: WIRE_PRICE };
  const segment = new ScriptedProducer(id, 1n).segment([admitted(call), completed(call, { input: 10n, output: 1n })]);
  await tables.consume([{ kind: 'segment', segment }]);
  const laws = async (): Promise<string[]> => [...new Set((await checkLedger(tables.sql, tables.book, id, DAY)).faults.map(({ law }) => law))];
  expect(await laws()).toEqual([]);
  return { id, call, laws };
}

/** A change that the tables refuse to everybody else. */
async function tamper(table: string, text: string, values: readonly unknown[]): Promise<void> {
  await tables.sql.query(`ALTER TABLE ${table} DISABLE TRIGGER USER`);
  try {
    expect(await tables.sql.query(`${text} RETURNING 1`, values)).toHaveLength(1);
  } finally {
    await tables.sql.query(`ALTER TABLE ${table} ENABLE TRIGGER USER`);
  }
}

describe('the tables of the ledger', () => {
  it.each([
    ['entry', 'UPDATE entry SET amount_nano = 1'], ['entry', 'DELETE FROM entry'], ['entry', 'TRUNCATE entry'],
    ['item', 'UPDATE item SET cost_nano = 0'], ['item', 'DELETE FROM item'], ['item', 'TRUNCATE item'],
    ['ledger_transaction', 'DELETE FROM ledger_transaction'], ['price', 'UPDATE price SET input_nano = 0'], ['price', 'DELETE FROM price'],
  ])('refuse to change what is in %s: %s', async (_table, text) => {
    await organisation();
    await expect(tables.sql.query(text)).rejects.toMatchObject({ kind: 'refused', message: expect.stringContaining('append-only') });
  });

  it('refuse entries that do not sum to zero, in each transaction and each currency', async () => {
    const { id } = await organisation();
    const [transaction] = await tables.sql.query<{ id: string }>('SELECT id FROM ledger_transaction WHERE organisation_id = $1', [id]);
    const add = (...legs: (readonly [kind: string, currency: string, amount: number])[]) =>
      tables.sql.query(
        'INSERT INTO entry (transaction_id, organisation_id, kind, currency, amount_nano) SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::bigint[])',
        [transaction!.id, id, legs.map(([kind]) => kind), legs.map(([, currency]) => currency), legs.map(([, , amount]) => amount)],
      );
    await expect(add(['usage', 'USD', 5])).rejects.toMatchObject({ kind: 'refused' });
    await expect(add(['usage', 'USD', 5], ['revenue', 'USD', -4])).rejects.toMatchObject({ kind: 'refused' });
    await expect(add(['usage', 'USD', 5], ['revenue', 'EUR', -5])).rejects.toMatchObject({ kind: 'refused' });
    await expect(add(['usage', 'USD', 0])).rejects.toMatchObject({ kind: 'refused' });
    await add(['usage', 'USD', 5], ['revenue', 'USD', -5]);
  });
});

describe('the check of the ledger', () => {
  it('finds entries that do not balance, and says in which transaction', async () => {
    const { id, laws } = await organisation();
    await tamper('entry', "UPDATE entry SET amount_nano = amount_nano + 1 WHERE organisation_id = $1 AND kind = 'usage'", [id]);
    expect(await laws()).toEqual(['unbalanced_transaction', 'unbalanced_currency', 'itemisation']);
    expect((await checkLedger(tables.sql, tables.book, id, DAY)).faults[0]!.detail).toMatch(/^transaction [0-9a-f-]{36}$/);
  });

  it('finds a call whose cost was changed, added or lost', async () => {
    const { call, laws } = await organisation();
    await tamper('item', 'UPDATE item SET cost_nano = cost_nano + 1 WHERE call_id = $1::uuid', [call.callId]);
    expect(await laws()).toEqual(['itemisation', 'projection']);
    const other = await organisation();
    await tamper('item', 'DELETE FROM item WHERE call_id = $1::uuid', [other.call.callId]);
    expect(await other.laws()).toEqual(['itemisation', 'projection']);
  });

  it.each(['spend_day SET spent_nano = spent_nano - 1', 'spend_day SET overrun_nano = overrun_nano + 1', 'usage_day SET output_tokens = output_tokens + 1', 'usage_day SET calls = calls + 1'])(
    'finds a projection that is not what the calls add up to: %s', async (change) => {
      const { id, laws } = await organisation();
      await tables.sql.query(`UPDATE ${change} WHERE organisation_id = $1`, [id]);
      expect(await laws()).toEqual(['projection']);
    });

  it('finds a projection of calls that are not there', async () => {
    const { id, laws } = await organisation();
    await tables.sql.query("INSERT INTO spend_day VALUES ('key', $1 || '_other', 1, $1, 5, 0, 0)", [id]);
    expect(await laws()).toEqual(['projection']);
  });

  it('finds a call that is billed and runs, and one that runs without a hold', async () => {
    const { id, call, laws } = await organisation();
    await tables.sql.query("INSERT INTO open_hold SELECT $1::uuid, $2, 'p', 'k', 'm', 'g', 1, 1, '', 'USD', 0, 0, 0, 0, 5, true, 0, 0, 0, 0, 0", [call.callId, id]);
    expect(await laws()).toEqual(['billed_twice', 'hold_lost']);
  });

  it('finds a budget that was exceeded, but not one that was set below what was spent', async () => {
    const { id, laws } = await organisation();
    const set = (amount: number, floor: number, setDay: number) =>
      tables.sql.query("INSERT INTO budget VALUES ($1, 'key', $1 || '_k', $2, 'day', $4, 0, $3, $4) ON CONFLICT (level, subject_id) DO UPDATE SET amount_nano = $2, floor_nano = $3, set_day = $4", [id, amount, floor, setDay]);
    await set(35, 0, DAY);
    expect(await laws()).toEqual([]);
    await set(34, 0, DAY);
    expect(await laws()).toEqual(['budget_exceeded']);
    await set(34, 35, DAY);
    expect(await laws()).toEqual([]);
    await set(34, 35, DAY - 1);
    expect(await laws()).toEqual(['budget_exceeded']);
  });

  it('of a large ledger goes by days, adds up what it finds, and tells twenty faults of a law, as for one that is small', async () => {
    const { id } = await organisation();
    const producer = new ScriptedProducer(`${id}_days`, 1n);
    const records = Array.from({ length: 30 }, (_, at) => ({ callId: tables.ids.callId(), organisationId: id, projectId: `${id}_p`, keyId: `${id}_k`, admittedAtMs: (DAY + 2 * at) * 86_400_000, hold: WIRE_HOLD, price: WIRE_PRICE }))
      .flatMap((call) => [admitted(call), completed(call, { input: 10n, output: 1n })]);
    await tables.consume([{ kind: 'segment', segment: producer.segment(records) }]);
    const check = (callsAtOnce?: bigint) => checkLedger(tables.sql, tables.book, id, DAY, undefined, callsAtOnce);
    for (const callsAtOnce of [undefined, 1n, 7n, 31n, 32n]) expect(await check(callsAtOnce)).toEqual({ faults: [], transactions: 31n, entries: 62n, calls: 31n, billedNano: 31n * 35n, overrunNano: 0n });
    await tables.sql.query('UPDATE usage_day SET calls = calls + 1 WHERE organisation_id = $1', [id]);
    for (const callsAtOnce of [undefined, 1n, 7n]) {
      const { faults } = await check(callsAtOnce);
      expect([faults.length, new Set(faults.map(({ law }) => law)), new Set(faults.map(({ detail }) => detail)).size]).toEqual([20, new Set(['projection']), 20]);
    }
    // On a day before and one behind all that was used.
    await tables.sql.query("UPDATE usage_day SET calls = calls - 1 WHERE organisation_id = $1", [id]);
    for (const day of [DAY - 9, DAY + 900]) await tables.sql.query("INSERT INTO spend_day VALUES ('key', $1 || '_other', $2, $1, 5, 0, 0)", [id, day]);
    for (const callsAtOnce of [undefined, 1n, 7n]) expect((await check(callsAtOnce)).faults.map(({ detail }) => detail)).toEqual([DAY - 9, DAY + 900].map((day) => `spending of key ${id}_other on ${new Date(day * 86_400_000).toISOString().slice(0, 10)}`));
  });

  it('finds nothing where there is nothing, and ends when nobody waits for it', async () => {
    expect(await checkLedger(tables.sql, tables.book, 'org_without_calls', DAY)).toEqual({ faults: [], transactions: 0n, entries: 0n, calls: 0n, billedNano: 0n, overrunNano: 0n });
    const { id } = await organisation();
    const left = new Error('left');
    await expect(checkLedger(tables.sql, tables.book, id, DAY, AbortSignal.abort(left))).rejects.toBe(left);
  });

  it('sees no other organisation', async () => {
    const [one, two] = [await organisation(), await organisation()];
    await tables.sql.query('UPDATE usage_day SET calls = 9 WHERE organisation_id = $1', [one.id]);
    expect([await one.laws(), await two.laws()]).toEqual([['projection'], []]);
  });
});
