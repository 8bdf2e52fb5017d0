import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeLogEntry, LogVerifier } from '@sluice/transparency';
import { segmentEntries, startAuditTables, type AuditTables } from '../testing/audit-tables.ts';
import { callIdOf, CallScript, ORGANISATION, ScriptedProducer } from '../testing/call-script.ts';
import { pruneBodies } from './prune-bodies.ts';
import { keptMonths } from './segments-sql.ts';

let tables: AuditTables;
beforeAll(async () => {
  tables = await startAuditTables();
});
afterAll(() => tables.stop());

const OLD_MS = Date.UTC(2023, 3, 30, 23, 59);
const YOUNGER_MS = Date.UTC(2023, 4, 1);
/** 184 days after the last moment of April 2023. */
const DUE_MS = Date.UTC(2023, 4, 1) + 184 * 86_400_000;

describe('retention', () => {
  it('removes whole months of bodies when they are due, says so in the log, and keeps calls, leaves and proofs', async () => {
    const producer = new ScriptedProducer('gateway-1', 1n);
    const [old, younger] = [new CallScript(callIdOf(1)), new CallScript(callIdOf(2))];
    await tables.consume(segmentEntries([...producer.segments(old.whole(), OLD_MS), ...producer.segments(younger.whole(), YOUNGER_MS)]));
    const show = ({ callId }: CallScript) => tables.audit.getCall({ organisationId: ORGANISATION, callId });
    expect((await keptMonths(tables.sql)).map(({ name }) => name).sort()).toEqual(['2023_04', '2023_05']);

    expect(await pruneBodies(tables.sql, 184, DUE_MS - 1)).toEqual([]);
    expect((await show(old)).bodiesAvailable).toBe(true);
    expect((await pruneBodies(tables.sql, 184, DUE_MS)).map(({ name }) => name)).toEqual(['2023_04']);
    expect(await pruneBodies(tables.sql, 184, DUE_MS)).toEqual([]);

    expect(await show(old)).toMatchObject({ bodiesAvailable: false, parts: [], call: { status: 'answered', outputBytes: 10n } });
    expect((await show(younger)).bodiesAvailable).toBe(true);
    const [leaf] = await tables.sql.query<{ entry: Buffer }>('SELECT entry FROM leaf ORDER BY idx DESC LIMIT 1');
    expect(decodeLogEntry(leaf!.entry)).toMatchObject({ type: 'bodies.pruned', producer: 'audit.retention', seq: BigInt(YOUNGER_MS) });
    expect(await tables.sql.query('SELECT before_ms, leaf_index FROM pruning')).toEqual([{ before_ms: BigInt(YOUNGER_MS), leaf_index: 2n }]);

    await tables.sign();
    const files = await tables.publish();
    expect((await new LogVerifier(async (path) => files.get(path)!, tables.signer).verify()).checkpoint.size).toBe(3n);
    expect((await tables.audit.getProof({ organisationId: ORGANISATION, callId: old.callId })).entry.length).toBeGreaterThan(0);
  });
});
