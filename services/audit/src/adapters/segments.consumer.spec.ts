import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { ManualClock } from '@sluice/clock';
import { OutputBodySchema, SegmentSchema, type Segment } from '@sluice/proto/events/v1/calls';
import { nextChain, verifyOpening } from '@sluice/segment';
import { decodeLogEntry, parseVerifierKey, verifyProofBundle } from '@sluice/transparency';
import { NOW_MS, startAuditTables, segmentEntries, type AuditTables } from '../testing/audit-tables.ts';
import { consumeSegments } from './segments.consumer.ts';
import { callIdOf, CallScript, ORGANISATION, PROJECT, ScriptedProducer } from '../testing/call-script.ts';

let tables: AuditTables;
beforeAll(async () => {
  tables = await startAuditTables();
  await tables.sign();
});
afterAll(() => tables.stop());

let next = 0;
const newCall = (): CallScript => new CallScript(callIdOf(next++));
const newProducer = (): ScriptedProducer => new ScriptedProducer(`gateway-${next++}`, 1n);
const get = (callId: string, organisationId = ORGANISATION) => tables.audit.getCall({ organisationId, callId });
const leafCount = async (): Promise<bigint> => (await tables.sql.query<{ size: bigint }>('SELECT size FROM log'))[0]!.size;
const deltas = (parts: Awaited<ReturnType<typeof get>>['parts']): string =>
  parts.flatMap(({ body }) => (body?.body.case === 'output' ? body.body.value.events.map(({ event }) => (event.case === 'delta' ? event.value.text : '')) : [])).join('');

describe('a call that came in', () => {
  it('is shown with everything that was asked and answered, wherever its records lie', async () => {
    const call = newCall();
    const producer = newProducer();
    const prompt = `[{"role":"user","content":"${'long '.repeat(100_000)}"}]`;
    const records = [[call.admitted({ messages: prompt })], [call.output('Once ')], [call.output('upon '), call.output('a time')], [call.completed()]];
    for (const some of records) {
      for (const segment of producer.segments(some)) await tables.consume(segmentEntries([segment]));
    }
    const { call: summary, parts, bodiesAvailable } = await get(call.callId);
    expect(bodiesAvailable).toBe(true);
    expect(parts.map(({ body }) => body?.body.case)).toEqual(['admitted', 'output', 'output', 'output', 'completed']);
    expect(Buffer.from(parts[0]!.body!.body.case === 'admitted' ? parts[0]!.body!.body.value.call!.messages : []).toString()).toBe(prompt);
    expect(deltas(parts)).toBe('Once upon a time');
    const released = parts.flatMap(({ body }) => (body?.body.case === 'output' ? [toBinary(OutputBodySchema, body.body.value)] : []));
    expect(released.reduce<Uint8Array>(nextChain, parts[0]!.outputChain)).toEqual(Buffer.from(parts.at(-1)!.outputChain));
    expect(summary).toMatchObject({
      callId: call.callId, organisationId: ORGANISATION, projectId: PROJECT, keyId: 'key_1', model: 'small', stream: true, status: 'answered', httpStatus: 200, admittedAtMs: 1_700_000_000_000n, endedAtMs: 1_700_000_060_000n,
      outputBytes: 16n, counts: { inputTokens: 5n, outputTokens: 16n }, versionId: 'mv_1', deploymentId: 'dep_1', durationMs: 345, firstOutputMs: 12, costNano: 48n,
    });
    expect(parts.map(({ record }) => record?.record.case)).toEqual(['admitted', 'output', 'output', 'output', 'completed']);
    expect(parts[0]!.record!.record).toMatchObject({ case: 'admitted', value: { modelName: 'small', hold: { hold: { amountNano: 900n, limited: true }, price: { id: 'price_1' } }, parameters: [{ parameter: 'max_tokens', askedJson: '500', sentJson: '64', ruleId: '' }] } });
    expect(summary!.leafIndex).toBeDefined();
  });

  it('is one row and one leaf when all of it comes at once', async () => {
    const before = await leafCount();
    const calls = Array.from({ length: 50 }, newCall);
    await tables.consume(segmentEntries(newProducer().segments(calls.flatMap((call) => call.whole()))));
    expect(await leafCount()).toBe(before + 50n);
    for (const { callId } of calls) expect(deltas((await get(callId)).parts)).toBe('An answer.');
  });

  it('shows its last durable figures while it runs', async () => {
    const call = newCall();
    const producer = newProducer();
    await tables.consume(segmentEntries(producer.segments([call.admitted()])));
    await tables.consume(segmentEntries(producer.segments([call.output('So far')])));
    const { call: summary, parts } = await get(call.callId);
    expect(summary).toMatchObject({ status: 'running', endedAtMs: 0n, outputBytes: 6n, counts: { outputTokens: 6n } });
    expect(summary!.leafIndex).toBeUndefined();
    expect(deltas(parts)).toBe('So far');
    await expect(tables.audit.getProof({ organisationId: ORGANISATION, callId: call.callId })).rejects.toMatchObject({ code: 'failed_precondition' });
  });

  it('has a proof that stands on its own, and commitments that its record opens', async () => {
    const call = newCall();
    await tables.consume(segmentEntries(newProducer().segments(call.whole())));
    const request = { organisationId: ORGANISATION, callId: call.callId };
    await expect(tables.audit.getProof(request)).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringContaining('checkpoint') });
    await tables.sign();
    const { bundle, entry } = await tables.audit.getProof(request);
    const { verifierKey } = await tables.audit.getCheckpoint({});
    expect(verifyProofBundle(bundle, entry, parseVerifierKey(verifierKey)).size).toBe(await leafCount());
    const { commitments, type } = decodeLogEntry(entry);
    const completed = (await get(call.callId)).parts.find(({ body }) => body?.body.case === 'completed')!.body!.body;
    const [opening] = completed.case === 'completed' ? completed.value.openings : [];
    expect([type, verifyOpening(commitments[0]!, opening!)]).toEqual(['call.completed', true]);
  });

  it('is found by its own organisation only', async () => {
    const call = newCall();
    await tables.consume(segmentEntries(newProducer().segments(call.whole())));
    await expect(get(call.callId, 'org_2')).rejects.toMatchObject({ code: 'not_found' });
    await expect(get(call.callId, '')).rejects.toMatchObject({ code: 'missing_required_parameter' });
    await expect(get("' OR true --")).rejects.toMatchObject({ code: 'not_found' });
    await expect(tables.audit.getProof({ organisationId: 'org_2', callId: call.callId })).rejects.toMatchObject({ code: 'not_found' });
    expect((await tables.audit.listCalls({ organisationId: 'org_2' })).calls).toEqual([]);
  });

  it('with a name that no table can hold is kept all the same', async () => {
    const call = newCall();
    await tables.consume(segmentEntries(newProducer().segments([call.admitted({ model: 'a\0"\\{},NULL\n\u202e' }), call.completed()])));
    expect((await get(call.callId)).call!.model).toBe('a\ufffd"\\{},NULL\n\u202e');
  });
});

describe('an answer that a budget cut', () => {
  it('is indexed as such, whether its end comes with its beginning or later; of a call from before that was indexed nobody knows', async () => {
    const [atOnce, later, whole] = [newCall(), newCall(), newCall()];
    const producer = newProducer();
    await tables.consume(segmentEntries(producer.segments([atOnce.admitted(), atOnce.completed(undefined, 'budget'), later.admitted(), ...whole.whole()])));
    expect((await get(later.callId)).call!.cutBy).toBe('');
    await tables.consume(segmentEntries(producer.segments([later.completed(undefined, 'budget')])));
    const cutBy = async () => (await tables.audit.listCalls({ organisationId: ORGANISATION, limit: 100 })).calls.filter(({ callId }) => [atOnce, later, whole].some((call) => call.callId === callId)).map((call) => [call.callId, call.cutBy]);
    expect(new Map((await cutBy()) as [string, string][])).toEqual(new Map([[atOnce.callId, 'budget'], [later.callId, 'budget'], [whole.callId, '']]));
    await tables.sql.query('UPDATE call SET cut_by = NULL WHERE call_id = $1', [atOnce.callId]);
    expect((await get(atOnce.callId)).call).toMatchObject({ status: 'answered', cutBy: '' });
  });
});

describe('a refused call', () => {
  it('is a row with a leaf', async () => {
    const call = newCall();
    await tables.consume(segmentEntries(newProducer().segments([call.refused()])));
    expect((await get(call.callId)).call).toMatchObject({ status: 'refused', errorCode: 'model_not_allowed', httpStatus: 403, admittedAtMs: 1_700_000_000_000n });
  });
});

describe('the end of an epoch', () => {
  it('abandons what is open in it, once, with the last durable figures and an end that can be opened', async () => {
    const producer = newProducer();
    const other = newProducer();
    const [open, ended, elsewhere] = [newCall(), newCall(), newCall()];
    await tables.consume(segmentEntries([...producer.segments([open.admitted(), open.output('Half an ans'), ...ended.whole()]), ...other.segments([elsewhere.admitted()])]));
    const before = await leafCount();
    await tables.consume([{ kind: 'closed', producer: producer.producer, epoch: 1n, seq: 1n }]);
    expect(await leafCount()).toBe(before + 2n);
    const [close] = await tables.sql.query<{ entry: Buffer }>('SELECT entry FROM leaf WHERE idx = $1', [before + 1n]);
    expect(decodeLogEntry(close!.entry)).toMatchObject({ type: 'epoch.closed', producer: producer.producer, epoch: 1n, seq: 1n, ends: 2n, commitments: [] });
    expect(await tables.sql.query('SELECT 1 FROM epoch_ends WHERE producer = $1', [producer.producer])).toEqual([]);
    const told = tables.abandoned.filter(({ callId }) => [open, ended, elsewhere].some((call) => call.callId === callId));
    expect(told).toMatchObject([{ callId: open.callId, counts: { outputTokens: 11n }, admittedAtMs: 1_700_000_000_000n }]);
    const { call, parts } = await get(open.callId);
    expect(call).toMatchObject({ status: 'abandoned', outputBytes: 11n, counts: { outputTokens: 11n }, costNano: 33n, overrunNano: 0n });
    expect(deltas(parts)).toBe('Half an ans');
    expect((await get(elsewhere.callId)).call!.status).toBe('running');
    await tables.sign();
    const { entry } = await tables.audit.getProof({ organisationId: ORGANISATION, callId: open.callId });
    const { commitments } = decodeLogEntry(entry);
    const own = parts.at(-1)!.body!.body;
    const openings = own.case === 'completed' ? own.value.openings : [];
    expect(commitments.map((commitment, index) => verifyOpening(commitment, openings[index]!))).toEqual(Array(8).fill(true));
    expect(openings.map(({ name, value }) => [name, Buffer.from(value).toString()]).slice(0, 5)).toEqual([['call_id', open.callId], ['organisation_id', ORGANISATION], ['project_id', PROJECT], ['key_id', 'key_1'], ['model', 'small']]);
  });

  it('leaves what a call cost above its last hold as overrun, as it is billed, whether it runs over one batch or two', async () => {
    const producer = newProducer();
    const [first, extended, whole] = [newCall(), newCall(), newCall()];
    await tables.consume(segmentEntries(producer.segments([first.admitted(), first.output('a', 400n), extended.admitted(), extended.output('a', 290n)])));
    await tables.consume(segmentEntries(producer.segments([extended.output('b', 400n, 1000n), whole.admitted(), whole.output('a'), whole.completed(undefined, '', 2n)])));
    expect((await get(whole.callId)).call).toMatchObject({ status: 'answered', costNano: 3n, overrunNano: 2n });
    await tables.consume([{ kind: 'closed', producer: producer.producer, epoch: 1n, seq: 2n }]);
    expect((await get(first.callId)).call).toMatchObject({ status: 'abandoned', costNano: 1200n, overrunNano: 300n });
    expect((await get(extended.callId)).call).toMatchObject({ status: 'abandoned', costNano: 1200n, overrunNano: 200n });
    const { calls } = await tables.audit.listCalls({ organisationId: ORGANISATION });
    expect(new Map(calls.map(({ callId, overrunNano }) => [callId, overrunNano])).get(first.callId)).toBe(300n);
  });

  it('in the same batch as the calls does the same', async () => {
    const producer = newProducer();
    const [open, ended] = [newCall(), newCall()];
    await tables.consume([...segmentEntries(producer.segments([open.admitted(), ...ended.whole()])), { kind: 'closed', producer: producer.producer, epoch: 1n, seq: 1n }]);
    expect([(await get(open.callId)).call!.status, (await get(ended.callId)).call!.status]).toEqual(['abandoned', 'answered']);
  });

  it('makes what arrives behind it a leaf that changes no call', async () => {
    const producer = newProducer();
    const call = newCall();
    await tables.consume([...segmentEntries(producer.segments([call.admitted()])), { kind: 'closed', producer: producer.producer, epoch: 1n, seq: 1n }]);
    const before = await leafCount();
    await tables.consume(segmentEntries(producer.segments([call.output('never released'), call.completed()]), 'late'));
    expect(await leafCount()).toBe(before + 1n);
    const [leaf] = await tables.sql.query<{ entry: Buffer }>('SELECT entry FROM leaf WHERE idx = $1', [before]);
    expect(decodeLogEntry(leaf!.entry)).toMatchObject({ type: 'segment.late', producer: producer.producer, seq: 1n });
    expect(deltas((await get(call.callId)).parts)).toBe('');
    expect((await get(call.callId)).call).toMatchObject({ status: 'abandoned', outputBytes: 0n });
  });
});

describe('what should not be there', () => {
  it('changes nothing: second ends, ends without a beginning, calls of another producer, ids that are none', async () => {
    const [producer, thief] = [newProducer(), newProducer()];
    const [call, unborn, nameless] = [newCall(), newCall(), new CallScript('not an id')];
    await tables.consume(segmentEntries(producer.segments(call.whole())));
    const before = await leafCount();
    const strays = tables.strays;
    await tables.consume(segmentEntries([...producer.segments([call.completed(), call.admitted()]), ...thief.segments([call.refused(), unborn.completed(), unborn.output('x'), nameless.admitted()])]));
    expect(tables.strays - strays).toBe(6);
    expect(await leafCount()).toBe(before);
    expect((await get(call.callId)).call!.status).toBe('answered');
  });

  it('is kept as it is when it cannot be read, with a leaf that says so', async () => {
    const before = await leafCount();
    const bytes = Buffer.from('no segment at all');
    await tables.consume(segmentEntries([{ producer: 'gateway-x', epoch: 1n, seq: 0n, bytes }]));
    expect(await leafCount()).toBe(before + 1n);
    expect(await tables.sql.query("SELECT kind, bytes FROM segment WHERE producer = 'gateway-x'")).toEqual([{ kind: 'unreadable', bytes }]);
  });
});

describe('a batch', () => {
  it('that is rolled back and comes again leaves everything once', async () => {
    const producer = newProducer();
    const calls = [newCall(), newCall(), newCall()];
    const entries = segmentEntries(producer.segments(calls.flatMap((call) => call.whole())));
    const before = await leafCount();
    const broken = tables.sql.transaction(async (transaction) => {
      await consumeSegments(transaction, entries, { clock: new ManualClock(NOW_MS), ids: tables.ids, events: { publish: async () => undefined }, onStrays: () => undefined });
      throw new Error('killed before the commit');
    });
    await expect(broken).rejects.toThrow('killed');
    expect(await leafCount()).toBe(before);
    await tables.consume(entries);
    expect(await leafCount()).toBe(before + 3n);
    // Delivered once more although it was committed, which the event log never does: the tables refuse it as a whole.
    await expect(tables.consume(entries)).rejects.toMatchObject({ kind: 'unique_violation' });
    expect(await leafCount()).toBe(before + 3n);
  });

  it('is kept byte for byte', async () => {
    const [segment] = newProducer().segments(newCall().whole());
    await tables.consume(segmentEntries([segment!]));
    const [row] = await tables.sql.query<{ bytes: Buffer }>('SELECT bytes FROM segment WHERE producer = $1', [segment!.producer]);
    expect(row!.bytes).toEqual(Buffer.from(segment!.bytes));
    const decoded: Segment = fromBinary(SegmentSchema, row!.bytes);
    expect(JSON.stringify(decoded.records, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value))).not.toContain('What is asked');
  });
});

describe('the keys of a project', () => {
  it('that are shredded leave the record without its bodies; that are away are an honest error', async () => {
    const call = newCall();
    await tables.consume(segmentEntries(newProducer().segments(call.whole())));
    tables.access = 'shredded';
    const shown = await get(call.callId);
    expect(shown).toMatchObject({ bodiesAvailable: false, call: { status: 'answered' } });
    expect(shown.parts.map(({ record, body }) => [record?.record.case, body])).toEqual([['admitted', undefined], ['output', undefined], ['completed', undefined]]);
    tables.access = 'away';
    await expect(get(call.callId)).rejects.toMatchObject({ code: 'access_unavailable' });
    tables.access = 'there';
    await expect(get(call.callId)).resolves.toMatchObject({ bodiesAvailable: true });
  });
});

describe('the list of calls', () => {
  it('comes newest first, in pages, filtered, without a call twice', async () => {
    const organisationId = 'org_list';
    const calls = Array.from({ length: 25 }, (_, index) => ({ script: newCall(), atMs: 1_700_000_000_000 + Math.floor(index / 2) * 1000, model: index % 5 === 0 ? 'large' : 'small' }));
    await tables.consume(segmentEntries(newProducer().segments(calls.flatMap(({ script, atMs, model }) => [script.admitted({ atMs, model, organisationId }), script.completed()]))));
    const expected = calls.toSorted((left, right) => right.atMs - left.atMs || (left.script.callId < right.script.callId ? 1 : -1)).map(({ script }) => script.callId);
    const seen: string[] = [];
    for (let after = '', more = true; more; ) {
      const page = await tables.audit.listCalls({ organisationId, limit: 7, after });
      expect(page.calls.length).toBeLessThanOrEqual(7);
      seen.push(...page.calls.map(({ callId }) => callId));
      [after, more] = [seen.at(-1)!, page.hasMore];
    }
    expect(seen).toEqual(expected);
    const idsOf = async (filter: object): Promise<number> => (await tables.audit.listCalls({ organisationId, limit: 100, ...filter })).calls.length;
    expect(await Promise.all([idsOf({}), idsOf({ model: 'large' }), idsOf({ status: 'answered' }), idsOf({ status: 'running' }), idsOf({ keyId: 'key_2' }), idsOf({ projectId: PROJECT }), idsOf({ sinceMs: 1_700_000_010_000n }), idsOf({ untilMs: 1_700_000_000_000n })])).toEqual([25, 5, 25, 0, 0, 25, 5, 2]);
    expect((await tables.audit.listCalls({ organisationId })).calls).toHaveLength(20);
    expect(await idsOf({ after: expected.at(-1) })).toBe(0);
    // Nothing comes behind what is not there, or is another's: whoever goes on from there is told.
    const another = newCall();
    await tables.consume(segmentEntries(newProducer().segments(another.whole())));
    for (const after of ['x', '0'.repeat(32), another.callId]) await expect(idsOf({ after })).rejects.toMatchObject({ code: 'invalid_value', param: 'after' });
  });
});
