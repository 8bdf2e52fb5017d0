import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { create, toBinary } from '@bufbuild/protobuf';
import { Outcome, SegmentSchema } from '@sluice/proto/events/v1/calls';
import type { SqlTransaction } from '@sluice/sql';
import { checkLedger } from './adapters/check-ledger.ts';
import { consumeSegments } from './adapters/calls.consumer.ts';
import { BudgetBook } from './domain/budget-book.ts';
import { countsOf as tokensOf, granted, isRefusal, PRICE, requestOf, setCap, SUBJECTS } from './testing/holds.ts';
import { LedgerTables, WIRE_HOLD, WIRE_PRICE } from './testing/ledger-tables.ts';
import { admitted, completed, output, refused, ScriptedProducer, type RecordedCall } from './testing/scripted-producer.ts';

/** What products of this kind got wrong, each by what must hold. The numbers are those of the page of this service. */
let tables: LedgerTables;
let organisationId = '';
let made = 0;
beforeAll(async () => { tables = await LedgerTables.build(); });
afterAll(async () => { await tables[Symbol.asyncDispose](); });
beforeEach(() => { organisationId = `org_${made++}`; });

const DAY = 20_000;
const [ORGANISATION, , KEY] = SUBJECTS as [typeof SUBJECTS[0], typeof SUBJECTS[0], typeof SUBJECTS[0]];
const newCall = (more: Partial<RecordedCall> = {}): RecordedCall =>
  ({ callId: tables.ids.callId(), organisationId, projectId: `${organisationId} p`, keyId: `${organisationId} k`, admittedAtMs: DAY * 86_400_000, hold: WIRE_HOLD, price: WIRE_PRICE, ...more });
const entryOf = (...records: Parameters<ScriptedProducer['segment']>[0]) => ({ kind: 'segment' as const, segment: new ScriptedProducer(`gateway-${made++}`, 1n).segment(records) });
const usage = () => tables.sql.query<{ calls: bigint; cost_nano: bigint }>('SELECT calls, cost_nano FROM usage_day WHERE organisation_id = $1', [organisationId]);
const faults = async () => (await checkLedger(tables.sql, tables.book, organisationId, DAY)).faults;
const standing = (book = tables.book) => book.account({ level: 'organisation', id: organisationId }).standing(DAY);

describe('money', () => {
  it('1: the first calls of a key, all at once, never hold more than its budget', () => {
    const book = new BudgetBook();
    setCap(book, KEY, 80n * 3n + 30n);
    const answers = Array.from({ length: 200 }, (_, at) => book.hold(requestOf(`${at}`)));
    expect(answers.filter((answer) => !isRefusal(answer))).toHaveLength(3);
    expect(book.account(KEY).heldNano).toBe(240n);
  });

  it('2: is held for a rich account too, to the last nano-unit', () => {
    const book = new BudgetBook();
    setCap(book, KEY, 10n ** 18n);
    for (let at = 0; at < 100; at++) book.hold(requestOf(`${at}`));
    expect(book.account(KEY).room(100)).toBe(10n ** 18n - 8_000n);
  });

  it('3: of a key that was never seen is bounded by the budget of its organisation', () => {
    const book = new BudgetBook();
    setCap(book, ORGANISATION, 80n);
    granted(book.hold(requestOf('a')));
    const unknown = [ORGANISATION, { level: 'project', id: 'new' }, { level: 'key', id: 'of nobody' }];
    expect(book.hold(requestOf('b', { subjects: unknown }))).toMatchObject({ subject: ORGANISATION });
  });

  it('5: begins anew with a period without a step that could fail half-way', () => {
    const book = new BudgetBook();
    setCap(book, KEY, 80n);
    granted(book.hold(requestOf('a', { day: 100 })));
    expect(isRefusal(book.hold(requestOf('b', { day: 100 })))).toBe(true);
    granted(book.hold(requestOf('c', { day: 101 })));
    expect([book.account(KEY).room(100), book.account(KEY).room(101)]).toEqual([0n, 0n]);
  });

  it('9: that a refusal reports is what is spent and held, without the call that was refused', () => {
    const book = new BudgetBook();
    setCap(book, KEY, 100n);
    book.hold(requestOf('a'));
    book.settle('a', tokensOf(10n, 4n));
    book.hold(requestOf('b', { outputTokens: 3n }));
    const refusal = { subject: KEY, spentNano: 0n, settlingNano: 50n, heldNano: 45n };
    for (let again = 0; again < 3; again++) expect(book.hold(requestOf('c'))).toMatchObject(refusal);
  });

  it('10: is counted in whole nano-units, exactly up to the cap', () => {
    const book = new BudgetBook();
    const amount = 25_000_000_000n;
    setCap(book, KEY, amount);
    const price = { ...requestOf('').price, inputNano: 0n, cachedInputNano: 0n, outputNano: 2_500_000_000n, reasoningNano: 0n };
    for (let at = 0; at < 10; at++) granted(book.hold(requestOf(`${at}`, { price, outputTokens: 1n })));
    expect([isRefusal(book.hold(requestOf('last', { price, outputTokens: 1n }))), book.account(KEY).heldNano]).toEqual([true, amount]);
  });

  it('14: has one limit, however many gateways ask', () => {
    const book = new BudgetBook();
    setCap(book, KEY, 80n * 5n);
    const answers = Array.from({ length: 40 }, (_, at) => book.hold(requestOf(`${at}`, { producer: `gateway-${at % 4}` })));
    expect(answers.filter((answer) => !isRefusal(answer))).toHaveLength(5);
  });

  it.each([{ reasoningNano: 9n }, { inputNano: 0n, cachedInputNano: 3n, reasoningNano: 9n }])('12: is held at the dearest price that a token of the call may have: %o', (dearer) => {
    const book = new BudgetBook();
    const price = { ...PRICE, ...dearer };
    setCap(book, KEY, 10_000n);
    const hold = granted(book.hold(requestOf('a', { price })));
    const dearest = { inputTokens: 10n, cachedInputTokens: dearer.cachedInputNano ? 10n : 0n, outputTokens: 10n, reasoningTokens: 10n };
    expect([hold.amountNano, book.settle('a', dearest)]).toEqual([120n, { costNano: 120n, overrunNano: 0n }]);
  });

  it('21: is asked for before the call, and again before more is produced', () => {
    const book = new BudgetBook();
    setCap(book, KEY, 100n);
    expect(granted(book.hold(requestOf('a'))).outputTokens).toBe(10n);
    expect(book.extend('a', 1_000n)).toMatchObject({ outputTokens: 14n, amountNano: 100n });
  });
});

describe('the bill', () => {
  it('4: is known after a restart from the tables alone, not from what somebody remembers', async () => {
    const [ended, open] = [newCall(), newCall()];
    await tables.consume([entryOf(admitted(ended), admitted(open), completed(ended, { input: 10n, output: 4n }))]);
    expect(standing((await tables.loaded(DAY)).book)).toEqual({ spentNano: 50n, settlingNano: 0n, heldNano: 80n });
  });

  it('6: is not lost when its batch does not commit', async () => {
    const call = newCall();
    const entry = entryOf(admitted(call), completed(call, { input: 10n, output: 4n }));
    for (let kill = 0; kill < 3; kill++) {
      await tables.sql.transaction(async (transaction) => {
        await consumeSegments(transaction, [entry], tables.consumer);
        throw new Error('killed');
      }).catch(() => undefined);
    }
    await tables.consume([entry]);
    expect([await usage(), standing().spentNano]).toEqual([[{ calls: 1n, cost_nano: 50n }], 50n]);
  });

  it('7: waits in the log while there is nothing to write it to, and comes whole then', async () => {
    const calls = [newCall(), newCall()];
    const entries = calls.map((call) => entryOf(admitted(call), completed(call, { input: 10n, output: 4n })));
    await tables.sql.query('ALTER TABLE item RENAME TO away');
    try {
      for (const entry of entries) await expect(tables.consume([entry])).rejects.toThrow();
    } finally {
      await tables.sql.query('ALTER TABLE away RENAME TO item');
    }
    await tables.afterCommit.settled();
    expect(await usage()).toEqual([]);
    await tables.consume(entries);
    expect([await usage(), await faults()]).toEqual([[{ calls: 2n, cost_nano: 100n }], []]);
  });

  it('8: is written, once, also when it is more than what was held', async () => {
    const call = newCall();
    await tables.consume([entryOf(admitted(call), completed(call, { input: 10n, output: 1_000n }))]);
    expect(await usage()).toEqual([{ calls: 1n, cost_nano: 5_030n }]);
    expect(standing()).toEqual({ spentNano: 80n, settlingNano: 0n, heldNano: 0n });
    expect(await faults()).toEqual([]);
  });

  it('11: of streams that were cancelled is what was durable, and nothing stays held', async () => {
    const calls = Array.from({ length: 50 }, () => newCall());
    const producer = new ScriptedProducer(`gateway-${made++}`, 1n);
    await tables.consume([{ kind: 'segment', segment: producer.segment(calls.flatMap((call) => [admitted(call), output(call, { input: 10n, output: 2n })])) }]);
    expect(standing().heldNano).toBe(50n * 80n);
    await tables.consume([{ kind: 'closed', producer: producer.name, epoch: 1n, seq: 1n }]);
    expect(standing()).toEqual({ spentNano: 50n * 40n, settlingNano: 0n, heldNano: 0n });
    expect(await faults()).toEqual([]);
  });

  it('13: obeys every budget that is stored, from the tables on', async () => {
    await tables.sql.query("INSERT INTO budget VALUES ($1, 'organisation', $1, 79, 'day', $2, 0, 0, $2), ($1, 'project', $1 || ' p', 500, 'month', $2, 0, 0, $2)", [organisationId, DAY]);
    const { book } = await tables.loaded(DAY);
    const subjects = [{ level: 'organisation', id: organisationId }, { level: 'project', id: `${organisationId} p` }];
    expect(granted(book.hold(requestOf('a', { subjects, day: DAY })))).toMatchObject({ amountNano: 75n, outputTokens: 9n });
    await expect(tables.sql.query("INSERT INTO budget VALUES ($1, 'team', 't', 1, 'day', 0, 0, 0, 0)", [organisationId])).rejects.toMatchObject({ kind: 'refused' });
    await expect(tables.sql.query("INSERT INTO budget VALUES ($1, 'key', 'k', 1, 'week', 0, 0, 0, 0)", [organisationId])).rejects.toMatchObject({ kind: 'refused' });
    await tables.sql.query('DELETE FROM budget WHERE organisation_id = $1', [organisationId]);
  });

  it('15: has each call, however much two of them are alike', async () => {
    const calls = Array.from({ length: 20 }, () => newCall());
    await tables.consume([entryOf(...calls.flatMap((call) => [admitted(call), completed(call, { input: 1n, output: 1n })]))]);
    expect(await usage()).toEqual([{ calls: 20n, cost_nano: 160n }]);
  });

  it('16: of a client that left is what was counted, once, whatever the outcome says', async () => {
    const call = newCall();
    const record = { callId: call.callId, record: { case: 'completed' as const, value: { outcome: Outcome.DISCONNECTED, httpStatus: 499, counts: { inputTokens: 10n, outputTokens: 3n, estimated: true } } } };
    const place = { producer: `gateway-${made++}`, epoch: 1n, seq: 0n };
    const bytes = toBinary(SegmentSchema, create(SegmentSchema, { ...place, records: [admitted(call), record] }));
    await tables.consume([{ kind: 'segment', segment: { ...place, bytes } }, { kind: 'closed', producer: place.producer, epoch: 1n, seq: 1n }]);
    expect([await usage(), standing().heldNano]).toEqual([[{ calls: 1n, cost_nano: 45n }], 0n]);
  });

  it('17: takes cached tokens out of the input and reasoning out of the output', async () => {
    const call = newCall({ hold: { ...WIRE_HOLD, amountNano: 10_000n }, price: { ...WIRE_PRICE, reasoningNano: 7n } });
    const record = { callId: call.callId, record: { case: 'completed' as const, value: { counts: { inputTokens: 100n, cachedInputTokens: 40n, outputTokens: 20n, reasoningTokens: 5n } } } };
    await tables.consume([entryOf(admitted(call), record)]);
    expect(await usage()).toEqual([{ calls: 1n, cost_nano: 60n * 3n + 40n * 1n + 15n * 5n + 5n * 7n }]);
  });

  it('22: costs as many statements for 500 calls as for one', async () => {
    const statements = async (calls: number): Promise<number> => {
      const list = Array.from({ length: calls }, () => newCall());
      const entries = list.map((call) => entryOf(admitted(call), completed(call, { input: 1n, output: 1n })));
      let count = 0;
      await tables.sql.transaction((transaction) => {
        const counted: SqlTransaction = { inTransaction: true, query: (...given) => (count++, transaction.query<never>(...given)) };
        return consumeSegments(counted, entries, tables.consumer);
      });
      await tables.afterCommit.settled();
      return count;
    };
    expect(await statements(1)).toBe(await statements(500));
    expect(await usage()).toEqual([{ calls: 501n, cost_nano: 8n * 501n }]);
  });

  it('23: is counted in metrics when it is durable, and not before', async () => {
    const call = newCall();
    const entry = entryOf(admitted(call), completed(call, { input: 1n, output: 1n }));
    let counted = 0;
    const consumer = { ...tables.consumer, onBilled: (calls: readonly unknown[]) => { counted += calls.length; } };
    await tables.sql.transaction(async (transaction) => {
      await consumeSegments(transaction, [entry], consumer);
      throw new Error('killed');
    }).catch(() => undefined);
    await tables.afterCommit.settled();
    expect(counted).toBe(0);
    await tables.sql.transaction((transaction) => consumeSegments(transaction, [entry], consumer));
    await tables.afterCommit.settled();
    expect(counted).toBe(1);
  });

  it('24: has no row for a call that was refused', async () => {
    const rows = async () => (await tables.sql.query<{ rows: bigint }>('SELECT (SELECT count(*) FROM item) + (SELECT count(*) FROM open_hold) + (SELECT count(*) FROM ledger_transaction) + (SELECT count(*) FROM usage_day) AS rows'))[0]!.rows;
    const before = await rows();
    await tables.consume([entryOf(...Array.from({ length: 200 }, () => refused(newCall())))]);
    expect(await rows()).toBe(before);
  });
});
