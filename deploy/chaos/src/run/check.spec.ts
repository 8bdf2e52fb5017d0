import { describe, expect, it } from '@jest/globals';
import { faultsOf } from './check.ts';

const AGREEING = { faults: [], held: '0', calls: 3, receipts: 2, logged: 3, logged_since: null, wrongAnswers: 0 };

describe('a comparison of everything that was counted', () => {
  it('stands where it is of all calls, the laws hold and nothing is held', () => {
    expect(faultsOf(AGREEING)).toEqual([]);
  });

  it.each([
    ['a law of the ledger does not hold', { faults: [{ law: 'sum', detail: '1' }] }, 'ledger: sum: 1'],
    ['something is held', { held: '7' }, '7 nano-units are still held'],
    ['a client had a wrong answer', { wrongAnswers: 1 }, '1 clients had another answer than theirs, or what a rule was to keep from them'],
    ['there were no calls', { calls: 0 }, 'there was nothing to compare'],
    ['there were no receipts', { receipts: null }, 'there was nothing to compare'],
    ['there was nothing on Kafka', { logged: 0 }, 'there was nothing to compare'],
    ['calls were left out, because Kafka does not have them any more', { logged_since: '2026-11-23T08:50:00.000Z' }, 'the log on Kafka begins at 2026-11-23T08:50:00.000Z, behind calls of this part'],
  ])('does not stand where %s', (_, difference, fault) => {
    expect(faultsOf({ ...AGREEING, ...difference })).toEqual([fault]);
  });
});
