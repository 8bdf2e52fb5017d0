import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PendingRecord } from '@sluice/segment';
import { segmentEntries, startAuditTables, type AuditTables } from '../testing/audit-tables.ts';
import { callIdOf, CallScript, ORGANISATION, PROJECT, ScriptedProducer } from '../testing/call-script.ts';

const START_MS = 1_700_000_400_000;
const TEN_MINUTES_MS = 600_000;

let tables: AuditTables;
let next = 0;
const newCall = (): CallScript => new CallScript(callIdOf(next++));
const whole = (atMs: number, organisationId = ORGANISATION): PendingRecord[] => {
  const call = newCall();
  return [call.admitted({ atMs, organisationId }), call.output('An answer.'), call.completed()];
};
const refusedWith = (errorCode: string): PendingRecord => {
  const refused = newCall().refused(START_MS);
  if (refused.record.case === 'refused') refused.record.value.errorCode = errorCode;
  return refused;
};

beforeAll(async () => {
  tables = await startAuditTables();
  const records = [
    ...whole(START_MS - 1), ...whole(START_MS), ...whole(START_MS + 5), newCall().admitted({ atMs: START_MS + TEN_MINUTES_MS - 1 }), ...whole(START_MS + TEN_MINUTES_MS), ...whole(START_MS + 2 * TEN_MINUTES_MS),
    ...whole(START_MS, 'org_other'), refusedWith('insufficient_quota'), refusedWith('rate_limit_exceeded'),
  ];
  await tables.consume(segmentEntries(new ScriptedProducer('gateway', 1n).segments(records)));
});
afterAll(() => tables.stop());

const ask = (over: object = {}) => tables.audit.countCalls({
  organisationId: ORGANISATION, subjectIds: [ORGANISATION, PROJECT, 'key_1'], sinceMs: BigInt(START_MS), untilMs: BigInt(START_MS + 2 * TEN_MINUTES_MS), countedRefusals: ['insufficient_quota'], ...over,
});

describe('calls of a time', () => {
  it('are counted for the organisation, its projects and its keys, with those that run and those refusals that count', async () => {
    const { counts } = await ask();
    for (const subjectId of [ORGANISATION, PROJECT, 'key_1']) {
      expect(counts.filter((count) => count.subjectId === subjectId)).toMatchObject([{ lastMs: BigInt(START_MS + TEN_MINUTES_MS - 1), calls: 4n }, { lastMs: BigInt(START_MS + TEN_MINUTES_MS), calls: 1n }]);
    }
    expect(counts).toHaveLength(6);
    expect((await ask({ subjectIds: ['key_1'], countedRefusals: [] })).counts[0]).toMatchObject({ calls: 3n });
  });

  it('are those of one organisation, and of whom was asked for', async () => {
    expect((await ask({ organisationId: 'org_other', subjectIds: [ORGANISATION, PROJECT] })).counts).toMatchObject([{ subjectId: PROJECT, calls: 1n }]);
    expect((await ask({ subjectIds: ['key_2'] })).counts).toEqual([]);
    await expect(ask({ organisationId: '' })).rejects.toMatchObject({ code: 'missing_required_parameter', param: 'organisation_id' });
    await expect(ask({ subjectIds: Array.from({ length: 201 }, String) })).rejects.toMatchObject({ code: 'invalid_value', param: 'subject_ids' });
  });
});
