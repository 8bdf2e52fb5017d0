import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { CallSummarySchema } from '@sluice/proto/audit/v1/audit';
import { callView } from './call-view.ts';

describe('the view of a call', () => {
  it.each([
    ['answered', 12, 3, { duration_ms: 12, first_output_ms: 3 }],
    ['answered', 0, 0, { duration_ms: 0, first_output_ms: null }],
    ['disconnected', 12, 0, { duration_ms: 12, first_output_ms: null }],
    ['failed', 12, 0, { duration_ms: 12, first_output_ms: null }],
    ['running', 0, 0, { duration_ms: null, first_output_ms: null }],
    ['abandoned', 0, 0, { duration_ms: null, first_output_ms: null }],
    ['refused', 0, 0, { duration_ms: null, first_output_ms: null }],
  ])('says how long one took that is %s only when that was measured', (status, durationMs, firstOutputMs, seen) => {
    expect(callView(create(CallSummarySchema, { status, durationMs, firstOutputMs }))).toMatchObject(seen);
  });

  it('says what is billed, exactly, and beside it what is not', () => {
    expect(callView(create(CallSummarySchema, { costNano: 2n ** 60n + 7n, overrunNano: 7n }))).toMatchObject({ cost_nano: String(2n ** 60n), overrun_nano: '7' });
  });

  it.each([['rule', 'rule'], ['budget', 'budget'], ['', null]])('says who cut its answer: %j', (cutBy, seen) => {
    expect(callView(create(CallSummarySchema, { status: 'answered', cutBy }))).toMatchObject({ cut_by: seen });
  });
});
