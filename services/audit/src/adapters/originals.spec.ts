import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chainOriginal, chainOutput, commit, originalChainStart, type PendingRecord } from '@sluice/segment';
import { decodeLogEntry } from '@sluice/transparency';
import { segmentEntries, startAuditTables, type AuditTables } from '../testing/audit-tables.ts';
import { callIdOf, CallScript, fixedBytes, ORGANISATION, ScriptedProducer } from '../testing/call-script.ts';

let tables: AuditTables;
beforeAll(async () => {
  tables = await startAuditTables();
});
afterAll(() => tables.stop());

const randomBytes = fixedBytes();
const SECRET = 'jane.doe@example.com';
/** Longer than a segment, so that it comes in fragments. */
const ASKED = `[{"role":"user","content":"${SECRET} ${'long '.repeat(100_000)}"}]`;
const said = (text: string) => [{ event: { case: 'delta' as const, value: { text } } }];

/** Adds to the body of a record of the script what is kept beside it. */
function keeping(record: PendingRecord, originals: object): PendingRecord {
  const body = record.body as { case: 'admitted' | 'completed'; value: object };
  return { ...record, body: { case: body.case, value: { ...body.value, ...originals } } as NonNullable<PendingRecord['body']> };
}

/** A masked call, as a gateway records it for a project that keeps originals. */
function maskedCall(callId: string): PendingRecord[] {
  const script = new CallScript(callId);
  const [salt, originalSalt] = [randomBytes(32), randomBytes(32)];
  const [admitted, masked, held] = [script.admitted(), script.output('***'), script.output('')];
  const first = chainOriginal(originalChainStart(salt), chainOutput(randomBytes(32), { events: said('***') }).body, said(SECRET));
  const second = chainOriginal(first.chain, chainOutput(randomBytes(32), {}).body, said(' held'));
  const { commitment, opening } = commit('original_output', second.chain, randomBytes);
  const end = keeping(script.completed(), { openings: [opening], originalOutputSalt: salt });
  const value = { ...(end.record as { value: object }).value, leaf: { commitments: [commitment] } };
  return [
    keeping(admitted, { original: { model: 'small', messages: Buffer.from(ASKED), stream: true, choices: 1 }, originalSalt }),
    { ...masked, body: first.body }, { ...held, body: second.body },
    { ...end, record: { case: 'completed', value } },
  ];
}

const show = (callId: string) => tables.audit.getCall({ organisationId: ORGANISATION, callId });
type Parts = Awaited<ReturnType<typeof show>>['parts'];
const originalsOf = (parts: Parts) => parts.flatMap(({ body }) => {
  const part = body?.body;
  if (part?.case === 'admitted') return [Buffer.from(part.value.original!.messages).toString()];
  return part?.case === 'output' ? [part.value.original!.events.map(({ event }) => (event.case === 'delta' ? event.value.text : '')).join('')] : [];
});

describe('the originals of a call', () => {
  it('are shown whole with its bodies, lie sealed, and are gone with the keys of its project while the commitments stay', async () => {
    const callId = callIdOf(1);
    await tables.consume(segmentEntries(new ScriptedProducer('gateway-1', 1n).segments(maskedCall(callId))));
    expect(originalsOf((await show(callId)).parts)).toEqual([ASKED, SECRET, ' held']);
    const rows = await tables.sql.query<{ bytes: Buffer }>('SELECT bytes FROM segment');
    expect(rows.length).toBeGreaterThan(1);
    expect(rows.filter(({ bytes }) => bytes.includes(SECRET) || bytes.includes('long long'))).toEqual([]);
    tables.access = 'shredded';
    const { parts, bodiesAvailable } = await show(callId);
    expect([bodiesAvailable, originalsOf(parts), parts.filter(({ body }) => body !== undefined)]).toEqual([false, [], []]);
    tables.access = 'there';
    const [leaf] = await tables.sql.query<{ entry: Buffer }>('SELECT entry FROM leaf ORDER BY idx DESC LIMIT 1');
    expect(decodeLogEntry(leaf!.entry).commitments.map(({ name }) => name)).toEqual(['original_output']);
  });

  it('are shown of a call that was abandoned, and nothing of them is committed to', async () => {
    const callId = callIdOf(2);
    const producer = new ScriptedProducer('gateway-2', 1n);
    await tables.consume([...segmentEntries(producer.segments(maskedCall(callId).slice(0, 2))), { kind: 'closed', producer: 'gateway-2', epoch: 1n, seq: 99n }]);
    const { call, parts } = await show(callId);
    expect([call!.status, originalsOf(parts)]).toEqual(['abandoned', [ASKED, SECRET]]);
    const opened = parts.flatMap(({ body }) => (body?.body.case === 'completed' ? body.body.value.openings.map(({ name }) => name) : []));
    expect(opened.filter((name) => name.includes('original'))).toEqual([]);
    expect(opened).toContain('output_chain');
  });
});
