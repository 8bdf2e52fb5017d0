import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { ServiceError, type Code } from '@sluice/errors';
import type { CountCallsRequest } from '@sluice/proto/audit/v1/audit';
import { silentLogger, type Logger } from '@sluice/telemetry';
import { DayHistory } from './day-history.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START_MS = 1_700_000_000_000;
/** The process runs for so long when it begins to count: its clock is another one than that of the records. */
const MONOTONIC_MS = 70_000;

interface Uses {
  readonly subjectId: string;
  readonly lastMs: bigint;
  readonly calls: bigint;
}

interface Script {
  readonly limited?: () => ReadonlyMap<string, readonly string[]>;
  readonly answer?: (request: CountCallsRequest) => Promise<{ counts: Uses[] }>;
  /** What is drawn, from 0 to below 1. */
  readonly random?: () => number;
}

function historyOf({ limited = () => new Map([['o1', ['o1']]]), answer = async () => ({ counts: [] }), random = () => 0 }: Script) {
  const clock = new ManualClock(START_MS - MONOTONIC_MS);
  clock.advance(MONOTONIC_MS);
  const asked: CountCallsRequest[] = [];
  const askedAtMs: number[] = [];
  const told: [string, object][] = [];
  const warned: unknown[] = [];
  const countCalls = (request: CountCallsRequest) => {
    asked.push(request);
    askedAtMs.push(clock.monotonicMs() - MONOTONIC_MS);
    return answer(request);
  };
  const limits = { remember: (id: string, requests: readonly object[]) => void told.push([id, requests]) };
  const logger = { ...silentLogger, warn: (facts: unknown) => void warned.push(facts) } as Logger;
  const history = new DayHistory({ audit: { countCalls } as never, limits, clock, random, logger, limitedByDay: limited });
  /** Lets all that waits for promises go on, then moves time to the next try: never further than `forMs` in all. */
  const pass = async (forMs: number): Promise<void> => {
    for (let passedMs = 0; passedMs < forMs; passedMs += 50) {
      await settled();
      clock.advance(Math.min(50, forMs - passedMs));
    }
    await settled();
  };
  return { history, clock, asked, askedAtMs, told, warned, pass };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const away = (code: Code = 'backend_unavailable') => Promise.reject(new ServiceError(code, 'Away.'));
const spanOf = ({ sinceMs, untilMs }: CountCallsRequest): [number, number] => [Number(sinceMs) - START_MS, Number(untilMs) - START_MS];

describe('the requests of the day before the start', () => {
  it('are asked for by organisation, hour by hour without a gap, and told at once in the time of this process', async () => {
    const at = (beforeMs: number, calls: bigint, subjectId: string): Uses => ({ subjectId, lastMs: BigInt(START_MS - beforeMs), calls });
    const first = [at(DAY_MS - 1, 3n, 'o1'), at(DAY_MS - 1, 2n, 'k1')];
    const last = [at(5_000, 4n, 'o1')];
    const { history, asked, told, warned } = historyOf({
      limited: () => new Map([['o1', ['o1', 'k1']], ['o2', ['k2']]]),
      answer: async (request) => ({ counts: request.organisationId === 'o1' ? [...first, ...last].filter(({ lastMs }) => lastMs >= request.sinceMs && lastMs < request.untilMs) : [] }),
    });
    await history.start();
    const hours = Array.from({ length: 24 }, (_, hour) => [hour * HOUR_MS - DAY_MS, (hour + 1) * HOUR_MS - DAY_MS]);
    expect(asked.map(spanOf)).toEqual([...hours, ...hours]);
    expect(asked.map(({ organisationId }) => organisationId)).toEqual([...hours.map(() => 'o1'), ...hours.map(() => 'o2')]);
    expect(asked[0]).toMatchObject({
      subjectIds: ['o1', 'k1'],
      countedRefusals: expect.arrayContaining(['content_policy_violation', 'insufficient_quota', 'content_filter_unavailable', 'billing_unavailable', 'model_not_found', 'invalid_value', 'invalid_json']),
    });
    expect(told).toEqual([
      ['o1', [{ atMs: MONOTONIC_MS - DAY_MS + 1, amount: 3 }, { atMs: MONOTONIC_MS - 5_000, amount: 4 }]],
      ['k1', [{ atMs: MONOTONIC_MS - DAY_MS + 1, amount: 2 }]],
    ]);
    expect(warned).toEqual([]);
    await history.stop();
  });

  it('are asked for again until they are told, go on where they were, and are told once: 200 subjects at a time', async () => {
    const subjects = Array.from({ length: 450 }, (_, index) => `k${index}`);
    let tries = 0;
    let answers = 0;
    const { history, asked, told, warned, pass } = historyOf({
      limited: () => {
        if (++tries < 3) throw new ServiceError('access_unavailable', 'Away.');
        return new Map([['o1', subjects]]);
      },
      // The last hour of the second part comes at the second try, behind the third part.
      answer: async ({ subjectIds, untilMs }) => {
        answers++;
        if (subjectIds[0] === 'k200' && untilMs === BigInt(START_MS) && answers <= 50) return away();
        return { counts: untilMs === BigInt(START_MS) ? subjectIds.map((subjectId) => ({ subjectId, lastMs: 1n, calls: 1n })) : [] };
      },
    });
    const started = history.start();
    await pass(2_900);
    await started;
    expect(asked.map(({ subjectIds }) => subjectIds.length)).toEqual([...Array<number>(24 + 24).fill(200), ...Array<number>(24).fill(50), 200]);
    expect([asked[47]!, asked.at(-1)!].map(spanOf)).toEqual([[-HOUR_MS, 0], [-HOUR_MS, 0]]);
    expect(told.map(([id]) => id)).toEqual([...subjects.slice(0, 200), ...subjects.slice(400), ...subjects.slice(200, 400)]);
    expect(warned).toEqual([{ code: 'backend_unavailable' }]);
    await history.stop();
  });

  it.each([[0, 0.5], [0.999_999, 1]])('are asked for at ever larger distances, at most 30 s, of which chance decides the half (%s)', async (drawn, share) => {
    const { history, askedAtMs, pass } = historyOf({ answer: () => away(), random: () => drawn });
    const started = history.start();
    await pass(200_000);
    await started;
    const distances = askedAtMs.slice(1).map((ms, index) => ms - askedAtMs[index]!);
    const expected = [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000, 30_000].map((ms) => ms * share);
    expect(distances.length).toBeGreaterThan(8);
    // Time moves in steps of 50 ms here.
    distances.forEach((distance, index) => expect(Math.abs(distance - (expected[index] ?? 30_000 * share))).toBeLessThanOrEqual(50));
    await history.stop();
  });

  it('are counted in smaller pieces when a count fails, down to ten minutes, but not because audit was away; what came makes the distance small again', async () => {
    const spans: number[] = [];
    let failures: Code[] = ['backend_unavailable', 'internal', 'deadline_exceeded', 'internal', 'internal'];
    const { history, askedAtMs, told, pass } = historyOf({
      answer: async ({ sinceMs, untilMs }) => {
        spans.push(Number(untilMs - sinceMs) / 60_000);
        const code = spans.length > 1 ? failures.shift() : undefined;
        if (code) return away(code);
        if (spans.length === 10) failures = ['internal'];
        return { counts: [] };
      },
    });
    const started = history.start();
    await pass(10_000);
    await started;
    expect(spans.slice(0, 11)).toEqual([60, 60, 60, 30, 15, 10, 10, 10, 10, 10, 10]);
    expect(spans.reduce((sum, minutes) => sum + minutes, 0)).toBe(24 * 60 + 60 + 60 + 30 + 15 + 10 + 10);
    expect(askedAtMs[11]! - askedAtMs[10]!).toBeLessThanOrEqual(200);
    expect(told).toEqual([]);
    await history.stop();
  });

  it('of one organisation do not wait for those of another that cannot be counted', async () => {
    const { history, told, pass } = historyOf({
      limited: () => new Map([['o1', ['o1']], ['o2', ['o2']]]),
      answer: ({ organisationId }) => (organisationId === 'o1' ? away('deadline_exceeded') : Promise.resolve({ counts: [{ subjectId: 'o2', lastMs: BigInt(START_MS - 5), calls: 1n }] })),
    });
    const starting = history.start();
    await pass(10_000);
    await starting;
    expect(told.map(([id]) => id)).toEqual(['o2']);
    await history.stop();
  });

  it('keep nobody waiting for more than 3 s, end with the process, and a day after the start, when none of them counts any more', async () => {
    const { history, clock, asked, told, warned, pass } = historyOf({ answer: () => away() });
    let isStarted = false;
    const started = history.start().then(() => (isStarted = true));
    await pass(2_950);
    expect(isStarted).toBe(false);
    await pass(100);
    await started;
    clock.advance(DAY_MS - 3_050);
    await settled();
    await pass(60_000);
    const { length } = asked;
    await pass(120_000);
    expect([asked.length, told, warned]).toEqual([length, [], [{ code: 'backend_unavailable' }]]);
    await history.stop();

    const other = historyOf({ answer: () => away() });
    const beginning = other.history.start();
    await other.pass(150);
    await other.history.stop();
    await beginning;
    const { length: before } = other.asked;
    await other.pass(60_000);
    expect(other.asked).toHaveLength(before);
  });
});
