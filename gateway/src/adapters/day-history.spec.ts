import { describe, expect, it } from '@jest/globals';
import { systemClock, type Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { CountCallsRequest } from '@sluice/proto/audit/v1/audit';
import { silentLogger, type Logger } from '@sluice/telemetry';
import { DayHistory } from './day-history.ts';

const DAY_MS = 86_400_000;
/** Whoever waits waits little. */
const clock: Clock = { ...systemClock, wallMs: () => 1_700_000_000_000, monotonicMs: () => 70_000, after: (_delayMs, run) => systemClock.after(1, run) };
const patient: Clock = { ...clock, after: (delayMs, run) => (delayMs > 1_000 ? { cancel: () => undefined } : clock.after(delayMs, run)) };

interface Script {
  readonly limited: () => ReadonlyMap<string, readonly string[]>;
  readonly answer?: (request: CountCallsRequest) => Promise<{ counts: { subjectId: string; lastMs: bigint; calls: bigint }[] }>;
  readonly clock?: Clock;
}

function historyOf({ limited, answer = async () => ({ counts: [] }), clock: given = patient }: Script) {
  const asked: CountCallsRequest[] = [];
  const told: [string, object][] = [];
  const warned: unknown[] = [];
  const audit = { countCalls: (request: CountCallsRequest) => (asked.push(request), answer(request)) };
  const limits = { remember: (id: string, requests: readonly object[]) => void told.push([id, requests]) };
  const logger = { ...silentLogger, warn: (facts: unknown) => void warned.push(facts) } as Logger;
  const history = new DayHistory({ audit: audit as never, limits, clock: given, logger, limitedByDay: limited });
  return { history, asked, told, warned };
}

describe('the requests of the day before the start', () => {
  it('are asked for by organisation, and told in the time of this process', async () => {
    const at = (lastMs: number, calls: bigint, subjectId: string) => ({ subjectId, lastMs: BigInt(lastMs), calls });
    const { history, asked, told } = historyOf({
      limited: () => new Map([['o1', ['o1', 'k1']], ['o2', ['k2']]]),
      answer: async ({ organisationId }) => ({ counts: organisationId === 'o1' ? [at(1_699_999_940_000, 3n, 'o1'), at(1_699_999_940_000, 2n, 'k1'), at(1_700_000_000_000 - 5_000, 4n, 'o1')] : [] }),
    });
    await history.start();
    expect(asked).toEqual([['o1', ['o1', 'k1']], ['o2', ['k2']]].map(([organisationId, subjectIds]) => ({
      organisationId, subjectIds, sinceMs: BigInt(1_700_000_000_000 - DAY_MS), untilMs: 1_700_000_000_000n,
      countedRefusals: expect.arrayContaining(['content_policy_violation', 'insufficient_quota', 'content_filter_unavailable', 'billing_unavailable', 'model_not_found', 'invalid_value', 'invalid_json']),
    })));
    expect(told).toEqual([['o1', [{ atMs: 10_000, amount: 3 }, { atMs: 65_000, amount: 4 }]], ['k1', [{ atMs: 10_000, amount: 2 }]]]);
    await history.stop();
  });

  it('are asked for again until they are told, and each is told once', async () => {
    const subjects = Array.from({ length: 450 }, (_, index) => `k${index}`);
    let tries = 0;
    const { history, asked, told, warned } = historyOf({
      limited: () => {
        if (++tries < 3) throw new ServiceError('access_unavailable', 'Away.');
        return new Map([['o1', subjects]]);
      },
      answer: async ({ subjectIds }) => {
        if (asked.length === 2 || asked.length === 3) throw new ServiceError('backend_unavailable', 'Away.');
        return { counts: subjectIds.map((subjectId) => ({ subjectId, lastMs: 1n, calls: 1n })) };
      },
    });
    await history.start();
    expect(asked.map(({ subjectIds }) => subjectIds.length)).toEqual([200, 200, 200, 200, 50]);
    expect(told.map(([id]) => id)).toEqual(subjects);
    expect(warned).toEqual([{ code: 'backend_unavailable' }]);
    await history.stop();
  });

  it('keep nobody waiting for ever, and end with the process', async () => {
    const away = historyOf({ limited: () => new Map([['o1', ['o1']]]), answer: () => Promise.reject(new ServiceError('backend_unavailable', 'Away.')), clock });
    await away.history.start();
    await away.history.stop();
    const { length } = away.asked;
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect([away.asked.length, away.told]).toEqual([length, []]);
  });
});
