import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import type { SegmentEntry } from '@sluice/events';
import { SegmentSchema } from '@sluice/proto/events/v1/calls';
import { CallLog } from './call-log.ts';

const MS = 1_700_000_000_000;
const idAt = (ms: number): string => ms.toString(16).padStart(12, '0').padEnd(32, 'a');
const CALL = idAt(MS);

type Records = MessageInitShape<typeof SegmentSchema>['records'];
const ADMITTED = { callId: CALL, record: { case: 'admitted' as const, value: {} } };
const OUTPUT = { callId: CALL, record: { case: 'output' as const, value: {} } };
const COMPLETED = { callId: CALL, record: { case: 'completed' as const, value: {} } };

function entry(records: Records, kind: 'segment' | 'late' = 'segment'): SegmentEntry {
  return { kind, segment: { producer: 'gateway-1', epoch: 1n, seq: 0n, bytes: toBinary(SegmentSchema, create(SegmentSchema, { producer: 'gateway-1', epoch: 1n, records: records! })) } };
}

function logOf(...entries: SegmentEntry[]): ReturnType<CallLog['calls']> {
  const log = new CallLog({ since: new Date(MS).toISOString(), until: new Date(MS + 1000).toISOString() });
  log.take(entries);
  return log.calls();
}

describe('the calls of the event log', () => {
  it('are counted with their ends, over all segments', () => {
    expect(logOf(entry([ADMITTED]), entry([OUTPUT, COMPLETED]))).toEqual([{ id: CALL, ends: 1, isLate: false }]);
    expect(logOf(entry([ADMITTED]), entry([OUTPUT]))).toEqual([{ id: CALL, ends: 0, isLate: false }]);
    expect(logOf(entry([{ callId: CALL, record: { case: 'refused', value: {} } }]))).toEqual([{ id: CALL, ends: 1, isLate: false }]);
    expect(logOf(entry([COMPLETED]), entry([COMPLETED]))).toEqual([{ id: CALL, ends: 2, isLate: false }]);
  });

  it('do not end with what is late, and are late themselves only where all of them is', () => {
    expect(logOf(entry([ADMITTED]), entry([COMPLETED], 'late'))).toEqual([{ id: CALL, ends: 0, isLate: false }]);
    expect(logOf(entry([ADMITTED, COMPLETED], 'late'))).toEqual([{ id: CALL, ends: 0, isLate: true }]);
  });

  it('are those that began in the time', () => {
    const at = (ms: number) => entry([{ ...ADMITTED, callId: idAt(ms) }]);
    expect(logOf(at(MS - 1), at(MS), at(MS + 999), at(MS + 1000), { kind: 'closed', producer: 'gateway-1', epoch: 1n, seq: 0n }).map(({ id }) => id)).toEqual([idAt(MS), idAt(MS + 999)]);
  });
});
