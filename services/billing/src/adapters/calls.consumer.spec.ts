import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import type { SegmentEntry, StoredSegment } from '@sluice/events';
import { CallAbandonedSchema } from '@sluice/proto/events/v1/calls';
import fc from 'fast-check';
import { BudgetBook } from '../domain/budget-book.ts';
import { LedgerTables, WIRE_HOLD, WIRE_PRICE } from '../testing/ledger-tables.ts';
import { admitted, completed, countsOf, output, ScriptedProducer, type RecordedCall } from '../testing/scripted-producer.ts';
import { checkLedger } from './check-ledger.ts';
import { consumeSegments } from './calls.consumer.ts';

let tables: LedgerTables;
beforeAll(async () => { tables = await LedgerTables.build(); });
afterAll(async () => { await tables[Symbol.asyncDispose](); });

const DAY = 20_000;
let made = 0;
const newProducer = () => new ScriptedProducer(`gateway-${made++}`, 1n);
const segmentEntry = (segment: StoredSegment): SegmentEntry => ({ kind: 'segment', segment });
const newCall = (organisationId: string, more: Partial<RecordedCall> = {}): RecordedCall =>
  ({ callId: tables.ids.callId(), organisationId, projectId: `${organisationId} proj`, keyId: `${organisationId} key`, admittedAtMs: DAY * 86_400_000, hold: WIRE_HOLD, price: WIRE_PRICE, ...more });
const check = (organisationId: string) => checkLedger(tables.sql, tables.book, organisationId, DAY);
const usageOf = (organisationId: string) => tables.sql.query('SELECT day, model, calls, output_tokens, cost_nano, overrun_nano FROM usage_day WHERE organisation_id = $1', [organisationId]);

describe('the log and the news of abandoned calls', () => {
  it('end in the same ledger and the same book, in whatever order they come and however often', async () => {
    const script = fc.record({ cut: fc.nat(4), told: fc.array(fc.nat(5), { minLength: 1, maxLength: 3 }), isEnded: fc.boolean() });
    let run = 0;
    await fc.assert(fc.asyncProperty(script, async ({ cut, told, isEnded }) => {
      const organisationId = `order_${run++}`;
      const producer = newProducer();
      const call = newCall(organisationId);
      const end = isEnded ? [completed(call, { input: 10n, output: 4n })] : [];
      const log = [admitted(call), output(call, { input: 10n, output: 2n }), output(call, { input: 10n, output: 4n }), ...end].map((record) => segmentEntry(producer.segment([record])));
      log.push({ kind: 'closed', producer: producer.name, epoch: 1n, seq: BigInt(log.length) });
      const message = create(CallAbandonedSchema, {
        callId: call.callId, organisationId, projectId: call.projectId!, keyId: call.keyId!, model: 'alias', producer: producer.name, epoch: 1n, counts: countsOf({ input: 10n, output: 4n }), admittedAtMs: BigInt(call.admittedAtMs),
      });
      for (let at = 0; at <= log.length; at++) {
        // Audit tells only of calls without an end, when it has seen the close; billing may be anywhere.
        if (!isEnded) for (const when of told) if (when === at) await tables.tellAbandoned(message);
        const entry = log[at];
        // Two batches become one at the cut.
        if (entry && at === cut && log[at + 1]) await tables.consume([entry, log[++at]!]);
        else if (entry) await tables.consume([entry]);
      }
      if (!isEnded) await tables.tellAbandoned(message);
      expect(await usageOf(organisationId)).toEqual([{ day: BigInt(DAY), model: 'small', calls: 1n, output_tokens: 4n, cost_nano: 50n, overrun_nano: 0n }]);
      expect(tables.book.account({ level: 'organisation', id: organisationId }).standing(DAY)).toEqual({ spentNano: 50n, settlingNano: 0n, heldNano: 0n });
      expect((await check(organisationId)).faults).toEqual([]);
    }), { numRuns: 25 });
    expect(tables.strays).toBe(0);
  }, 60_000);
});

describe('a batch', () => {
  it('that was rolled back leaves nothing, in the tables or in memory, and comes again', async () => {
    const producer = newProducer();
    const call = newCall('rolled');
    const entries = [segmentEntry(producer.segment([admitted(call), completed(call, { input: 10n, output: 4n })]))];
    const broken = tables.sql.transaction(async (transaction) => {
      await consumeSegments(transaction, entries, tables.consumer);
      throw new Error('killed before the commit');
    });
    await expect(broken).rejects.toThrow('killed');
    await tables.afterCommit.settled();
    expect([await usageOf('rolled'), tables.book.account({ level: 'organisation', id: 'rolled' }).standing(DAY).spentNano]).toEqual([[], 0n]);
    await tables.consume(entries);
    expect((await usageOf('rolled')).length).toBe(1);
    expect(tables.book.account({ level: 'organisation', id: 'rolled' }).standing(DAY).spentNano).toBe(50n);
  });

  it('adds up what no 64 bits hold, and goes on', async () => {
    const price = { ...WIRE_PRICE, outputNano: 10n ** 12n };
    const dearest = () => newCall('dear', { price, hold: { ...WIRE_HOLD, limited: false } });
    const [batches, callsEach, costNano] = [10, 1_000, 10n ** 15n];
    for (let batch = 0; batch < batches; batch++) {
      const calls = Array.from({ length: callsEach }, dearest);
      await tables.consume([segmentEntry(newProducer().segment(calls.flatMap((call) => [admitted(call), completed(call, { input: 0n, output: 1_000n })])))]);
    }
    const spentNano = BigInt(batches * callsEach) * costNano;
    expect(await usageOf('dear')).toMatchObject([{ calls: BigInt(batches * callsEach), cost_nano: spentNano }]);
    expect(tables.book.account({ level: 'organisation', id: 'dear' }).standing(DAY)).toMatchObject({ spentNano, heldNano: 0n });
    expect(await check('dear')).toMatchObject({ faults: [], billedNano: spentNano });
  });

  it('of records that came before bills nothing again, and is counted', async () => {
    const producer = newProducer();
    const call = newCall('twice');
    const records = [admitted(call), output(call, { input: 10n, output: 1n }), completed(call, { input: 10n, output: 4n })];
    await tables.consume([segmentEntry(producer.segment(records))]);
    const before = tables.strays;
    await tables.consume([segmentEntry(newProducer().segment(records)), segmentEntry(newProducer().segment([records[2]!]))]);
    expect(tables.strays - before).toBe(4);
    expect(await usageOf('twice')).toMatchObject([{ calls: 1n, cost_nano: 50n }]);
    expect((await check('twice')).faults).toEqual([]);
  });

  it('takes a call that begins for the second time as one that goes on', async () => {
    const call = newCall('again');
    await tables.consume([segmentEntry(newProducer().segment([admitted(call)]))]);
    await tables.consume([segmentEntry(newProducer().segment([admitted(call), completed(call, { input: 10n, output: 4n })]))]);
    expect(await usageOf('again')).toMatchObject([{ calls: 1n, cost_nano: 50n }]);
    expect(tables.book.account({ level: 'key', id: 'again key' }).heldNano).toBe(0n);
  });

  it('is one transaction of the ledger for each key, model and price, itemised by call, with names of any kind', async () => {
    const names = ['a"b', 'back\\slash', '{brace}', 'NULL', ' space', '漢字', 'comma,', ''];
    const calls = names.flatMap((model) => [newCall('many', { model }), newCall('many', { model })]);
    await tables.consume([segmentEntry(newProducer().segment(calls.flatMap((call) => [admitted(call), completed(call, { input: 1n, output: 1n })])))]);
    const rows = await tables.sql.query<{ model: string; items: bigint }>(
      'SELECT t.model, count(*) AS items FROM ledger_transaction t JOIN item i ON i.transaction_id = t.id WHERE organisation_id = $1 GROUP BY t.id, t.model', ['many']);
    // A call that names no model of the registry has the one that was asked for.
    expect(rows.map(({ model, items }) => [model, items]).toSorted()).toEqual(names.map((name) => [name || 'alias', 2n]).toSorted());
    expect(await check('many')).toMatchObject({ faults: [], transactions: 8n, entries: 16n, calls: 16n, billedNano: 128n });
  });
});

describe('a book', () => {
  it('that is built anew from the tables is the one that was in memory', async () => {
    const organisationId = 'anew';
    const subject = { level: 'key', id: `${organisationId} key` };
    const [open, ended] = [newCall(organisationId), newCall(organisationId, { admittedAtMs: (DAY - 40) * 86_400_000 })];
    const free = newCall(organisationId, { hold: undefined, price: undefined });
    await tables.consume([segmentEntry(newProducer().segment([admitted(open), output(open, { input: 10n, output: 1n }), admitted(ended), completed(ended, { input: 10n, output: 4n }), admitted(free)]))]);
    await tables.sql.query("INSERT INTO budget VALUES ($1, 'key', $2, 1000, 'none', $3, 7, 0, $3)", [organisationId, subject.id, DAY - 50]);
    const { book } = await tables.loaded(DAY);
    expect(book).toBeInstanceOf(BudgetBook);
    expect(book.holdOf(open.callId)).toMatchObject({ amountNano: 80n, limited: true, outputTokens: 10n });
    expect(book.account(subject).standing(DAY)).toEqual({ spentNano: 50n - 7n, settlingNano: 0n, heldNano: 80n });
    expect(book.account(subject).room(DAY)).toBe(1000n - 43n - 80n);
    for (const level of ['organisation', 'project', 'key']) {
      const same = { level, id: level === 'organisation' ? organisationId : `${organisationId} ${level === 'key' ? 'key' : 'proj'}` };
      expect(book.account(same).heldNano).toBe(tables.book.account(same).heldNano);
    }
    // Years later the days before are a sum.
    const later = await tables.loaded(DAY + 800);
    expect(later.book.account(subject).standing(DAY + 800)).toEqual({ spentNano: 43n, settlingNano: 0n, heldNano: 80n });
    await tables.sql.query('DELETE FROM budget WHERE organisation_id = $1', [organisationId]);
  });
});
