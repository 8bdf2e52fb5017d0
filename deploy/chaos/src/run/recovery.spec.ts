import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ANSWERED, REFUSED, type CallOutcome } from '../load/load-messages.ts';
import { recoveryOf } from './recovery.ts';

const call = (sentMs: number, result = ANSWERED, lastedMs = 5, heardAfterMs = 0): CallOutcome => ({ sentMs, heardMs: sentMs + heardAfterMs, endedMs: sentMs + lastedMs, result });
const row = (fromMs: number, count: number, result = ANSWERED): CallOutcome[] => Array.from({ length: count }, (_, index) => call(fromMs + index, result));
const STRETCH = { beganMs: 1000, countedMs: 1000, endedMs: 9000 };

describe('a recovery', () => {
  it('takes no time where every call was answered or rightly refused', () => {
    expect(recoveryOf([...row(900, 50), ...row(1000, 50, REFUSED), ...row(1100, 50)], STRETCH)).toEqual({ calls: 100, failed: 0, broken: 0, failures: {}, firstAnswerMs: 5, allAnsweredMs: 0 });
  });

  it('lasts until the last call that failed was sent, however late it was known', () => {
    const outcomes = [call(990, 'broken off: reset', 100), ...row(1000, 30, 'no answer: reset'), ...row(1200, 40), call(1500, '503 billing_unavailable', 4000), ...row(1600, 40)];
    expect(recoveryOf(outcomes, STRETCH)).toEqual({ calls: 111, failed: 31, broken: 1, failures: { 'broken off: reset': 1, 'no answer: reset': 30, '503 billing_unavailable': 1 }, firstAnswerMs: 205, allAnsweredMs: 500 });
  });

  it('counts from the end of a fault that lasts', () => {
    const outcomes = [...row(1000, 30, 'no answer: timeout'), ...row(4000, 30, '503'), ...row(4100, 30)];
    expect(recoveryOf(outcomes, { ...STRETCH, countedMs: 3900 })).toMatchObject({ firstAnswerMs: 205, allAnsweredMs: 129 });
  });

  it('has not come while hardly any call was answered since the last failure', () => {
    expect(recoveryOf([...row(1000, 30, '503'), ...row(1100, 5)], STRETCH).allAnsweredMs).toBeUndefined();
    expect(recoveryOf([], STRETCH)).toMatchObject({ calls: 0, firstAnswerMs: undefined, allAnsweredMs: undefined });
  });

  it('is not that of a fault which found the call in its middle, unless it had heard nothing for long', () => {
    const outcomes = [...row(1000, 30), call(8000, 'broken off: reset', 3000, 2900), ...row(8100, 30)];
    expect(recoveryOf(outcomes, { ...STRETCH, endedMs: 10_950 })).toMatchObject({ calls: 60, failed: 0, broken: 0, allAnsweredMs: 0 });
    expect(recoveryOf(outcomes, { beganMs: 10_950, countedMs: 10_950, endedMs: 20_000 })).toMatchObject({ failed: 0, broken: 1 });
    expect(recoveryOf([...row(1000, 30), call(1100, 'no answer: timeout', 8000), ...row(1200, 30)], STRETCH)).toMatchObject({ failed: 1, broken: 0, allAnsweredMs: 100 });
  });

  it('loses no failure, whoever it belongs to', () => {
    const outcome = fc.record({ sentMs: fc.integer({ min: 0, max: 3000 }), lasted: fc.nat(5000), result: fc.constantFrom(ANSWERED, '503', 'no answer') });
    fc.assert(fc.property(fc.array(outcome), fc.integer({ min: 100, max: 2900 }), (all, cutMs) => {
      const outcomes = all.map(({ sentMs, lasted, result }) => call(sentMs, result, lasted));
      const [one, two] = [{ beganMs: 0, countedMs: 0, endedMs: cutMs }, { beganMs: cutMs, countedMs: cutMs, endedMs: Number.POSITIVE_INFINITY }].map((stretch) => recoveryOf(outcomes, stretch));
      expect(one!.calls + two!.calls + two!.broken).toBe(outcomes.length);
      expect(one!.failed + two!.failed + two!.broken).toBe(outcomes.filter(({ result }) => result !== ANSWERED).length);
    }));
  });
});
