import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import fc from 'fast-check';
import { Breaker, type Attempt } from './breaker.ts';
import { BREAKER_FAILURES, BREAKER_OPEN_LIMIT_MS, BREAKER_OPEN_MS } from './limits.ts';

type Ending = 'succeeded' | 'failed' | 'dropped';

describe('a breaker', () => {
  let clock: ManualClock;
  let breaker: Breaker;
  beforeEach(() => {
    clock = new ManualClock();
    breaker = new Breaker(clock);
  });
  const fail = (times: number): void => {
    for (let count = 0; count < times; count++) breaker.failed(breaker.begin());
  };
  const halfOpen = (): void => {
    fail(BREAKER_FAILURES);
    clock.advance(BREAKER_OPEN_MS);
  };
  /** All that a caller can see of it. */
  const seen = () => [breaker.state, breaker.allows, breaker.retryAfterMs] as const;

  it('opens after failures in a row, not before', () => {
    fail(BREAKER_FAILURES - 1);
    expect(seen()).toEqual(['closed', true, 0]);
    fail(1);
    expect(seen()).toEqual(['open', false, BREAKER_OPEN_MS]);
  });

  it('forgets failures at a whole answer', () => {
    fail(BREAKER_FAILURES - 1);
    breaker.succeeded(breaker.begin());
    fail(BREAKER_FAILURES - 1);
    expect(breaker.state).toBe('closed');
  });

  it('is opened also by answers that begin and break off', () => {
    for (let count = 0; count < BREAKER_FAILURES; count++) {
      const attempt = breaker.begin();
      breaker.answering(attempt);
      breaker.failed(attempt);
    }
    expect(breaker.state).toBe('open');
  });

  it.each(['answering', 'succeeded'] as const)('lets one call at a time try again, and closes when it is %s', (news) => {
    halfOpen();
    expect(seen()).toEqual(['half-open', true, 0]);
    const trial = breaker.begin();
    expect(breaker.allows).toBe(false);
    breaker[news](trial);
    expect(seen()).toEqual(['closed', true, 0]);
  });

  it('stays open twice as long after each failed trial, up to a limit', () => {
    fail(BREAKER_FAILURES);
    for (let openMs = BREAKER_OPEN_MS, trial = 0; trial < 10; trial++) {
      clock.advance(openMs);
      fail(1);
      openMs = Math.min(openMs * 2, BREAKER_OPEN_LIMIT_MS);
      expect(breaker.retryAfterMs).toBe(openMs);
    }
  });

  it('gives the trial back when its caller leaves', () => {
    halfOpen();
    breaker.dropped(breaker.begin());
    expect(seen()).toEqual(['half-open', true, 0]);
  });

  describe('whose server was away and is back', () => {
    it('lets a call try at once, and begins anew with how long it stays open', () => {
      fail(BREAKER_FAILURES);
      for (let trial = 0; trial < 3; trial++) {
        clock.advance(breaker.retryAfterMs);
        fail(1);
      }
      breaker.back();
      expect(seen()).toEqual(['half-open', true, 0]);
      fail(1);
      expect(seen()).toEqual(['open', false, BREAKER_OPEN_MS]);
      clock.advance(BREAKER_OPEN_MS);
      breaker.succeeded(breaker.begin());
      expect(breaker.state).toBe('closed');
    });

    it('does not wait for a trial that began while it was away, nor hears how that one ends', () => {
      halfOpen();
      const lost = breaker.begin();
      breaker.back();
      expect(seen()).toEqual(['half-open', true, 0]);
      breaker.failed(lost);
      expect(seen()).toEqual(['half-open', true, 0]);
    });

    it('has nothing to change while it is closed', () => {
      fail(BREAKER_FAILURES - 1);
      breaker.back();
      fail(1);
      expect(breaker.state).toBe('open');
    });
  });

  describe('on probation: a trial has begun to answer', () => {
    let trial: Attempt;
    beforeEach(() => {
      halfOpen();
      fail(1);
      clock.advance(2 * BREAKER_OPEN_MS);
      trial = breaker.begin();
      breaker.answering(trial);
    });

    it.each([['of the trial', () => trial], ['of another call', () => breaker.begin()]])('opens again for twice as long at the first failure %s', (_, attempt) => {
      breaker.failed(attempt());
      expect(seen()).toEqual(['open', false, 4 * BREAKER_OPEN_MS]);
    });

    it.each([['the trial', () => trial], ['another call', () => breaker.begin()]])('is as good as new when %s is answered to its end', (_, attempt) => {
      breaker.succeeded(attempt());
      fail(BREAKER_FAILURES - 1);
      expect(breaker.state).toBe('closed');
      fail(1);
      expect(breaker.retryAfterMs).toBe(BREAKER_OPEN_MS);
    });
  });

  describe('whose trial says nothing, as one that is not streamed', () => {
    it('lets another one try after a while, each time a longer one, up to a limit', () => {
      halfOpen();
      for (let blockedMs = BREAKER_OPEN_MS, trial = 0; trial < 10; trial++) {
        breaker.begin();
        clock.advance(blockedMs - 1);
        expect(seen()).toEqual(['half-open', false, 0]);
        clock.advance(1);
        expect(seen()).toEqual(['half-open', true, 0]);
        blockedMs = Math.min(blockedMs * 2, BREAKER_OPEN_LIMIT_MS);
      }
    });

    it.each<[Ending, ReturnType<typeof seen>]>([
      ['succeeded', ['closed', true, 0]],
      ['failed', ['open', false, 2 * BREAKER_OPEN_MS]],
      ['dropped', ['half-open', false, 0]],
    ])('hears also of the former one, when that is %s', (ending, after) => {
      halfOpen();
      const former = breaker.begin();
      clock.advance(BREAKER_OPEN_MS);
      breaker.begin();
      breaker[ending](former);
      expect(seen()).toEqual(after);
    });

    it('hears no more of the former one when the later one has begun to answer', () => {
      halfOpen();
      const former = breaker.begin();
      clock.advance(BREAKER_OPEN_MS);
      breaker.answering(breaker.begin());
      breaker.failed(former);
      expect(breaker.state).toBe('closed');
    });
  });

  describe.each<Ending | 'answering'>(['answering', 'succeeded', 'failed', 'dropped'])('that hears that a call is %s which began before it opened', (news) => {
    let stale: Attempt;
    beforeEach(() => {
      stale = breaker.begin();
      fail(BREAKER_FAILURES);
    });
    const unchanged = (): void => {
      const before = seen();
      breaker[news](stale);
      expect(seen()).toEqual(before);
    };

    it('stays open as long as it would have', () => {
      clock.advance(BREAKER_OPEN_MS - 1);
      unchanged();
    });

    it('is tried when it would have been', () => {
      clock.advance(BREAKER_OPEN_MS);
      unchanged();
    });

    it('goes on with the one trial, and with nothing beside it', () => {
      clock.advance(BREAKER_OPEN_MS);
      const trial = breaker.begin();
      unchanged();
      breaker.failed(trial);
      expect(breaker.retryAfterMs).toBe(2 * BREAKER_OPEN_MS);
    });

    it('stays closed after a trial', () => {
      clock.advance(BREAKER_OPEN_MS);
      breaker.answering(breaker.begin());
      unchanged();
    });
  });

  describe('of calls that run at the same time, in any order', () => {
    const act = fc.oneof(
      { weight: 3, arbitrary: fc.constant({ act: 'begin' as const }) },
      { weight: 4, arbitrary: fc.record({ act: fc.constantFrom('answering' as const, 'succeeded' as const, 'failed' as const, 'failed' as const, 'dropped' as const), which: fc.nat() }) },
      { weight: 1, arbitrary: fc.record({ act: fc.constant('wait' as const), ms: fc.nat(2 * BREAKER_OPEN_MS) }) },
    );

    interface Running {
      readonly attempt: Attempt;
      /** Openings that were seen before it began. */
      readonly openings: number;
    }

    /** Plays acts as far as they are allowed; `look` hears of each with what was seen before it. */
    function play(acts: readonly (typeof act extends fc.Arbitrary<infer A> ? A : never)[], look: (played: { act: string; isStale: boolean; before: ReturnType<typeof seen> }) => void): void {
      clock = new ManualClock();
      breaker = new Breaker(clock);
      // It has just opened, while calls run on that began before.
      const running: Running[] = [breaker, breaker].map((of) => ({ attempt: of.begin(), openings: 0 }));
      fail(BREAKER_FAILURES);
      let openings = 1;
      for (const each of acts) {
        const before = seen();
        let isStale = false;
        if (each.act === 'wait') clock.advance(each.ms);
        else if (each.act === 'begin') {
          if (!breaker.allows) continue;
          running.push({ attempt: breaker.begin(), openings });
        } else {
          if (running.length === 0) continue;
          const at = each.which % running.length;
          const [one] = each.act === 'answering' ? [running[at]!] : running.splice(at, 1);
          isStale = one!.openings < openings;
          breaker[each.act](one!.attempt);
          if (each.act === 'failed' && before[0] !== 'open' && breaker.state === 'open') openings++;
        }
        look({ act: each.act, isStale, before });
      }
    }
    const acts = fc.array(act, { maxLength: 80, size: 'max' });

    it('always lets a call through again within its limit', () => {
      fc.assert(fc.property(acts, (given) => {
        play(given, () => undefined);
        clock.advance(BREAKER_OPEN_LIMIT_MS);
        expect(breaker.allows).toBe(true);
      }));
    });

    it('changes nothing by what began before it opened', () => {
      fc.assert(fc.property(acts, (given) => play(given, ({ isStale, before }) => {
        if (isStale) expect(seen()).toEqual(before);
      })), { numRuns: 500 });
    });

    it('lets no two calls begin within the time that a trial has, unless the first one said something', () => {
      fc.assert(fc.property(acts, (given) => {
        let trialBeganMs: number | undefined;
        play(given, ({ act: played, before, isStale }) => {
          if (played === 'begin' && before[0] === 'half-open') {
            if (trialBeganMs !== undefined) expect(clock.monotonicMs() - trialBeganMs).toBeGreaterThanOrEqual(BREAKER_OPEN_MS);
            trialBeganMs = clock.monotonicMs();
          } else if (played !== 'begin' && played !== 'wait' && !isStale) trialBeganMs = undefined;
        });
      }), { numRuns: 500 });
    });

    it('moves only along its edges: closed by news of an answer, opened by a failure, half-open by time', () => {
      const edges: Record<string, string> = { 'closed>open': 'failed', 'half-open>open': 'failed', 'open>half-open': 'wait', 'half-open>closed': 'answering succeeded' };
      fc.assert(fc.property(acts, (given) => play(given, ({ act: played, before }) => {
        if (breaker.state !== before[0]) expect(edges[`${before[0]}>${breaker.state}`]?.split(' ')).toContain(played);
      })), { numRuns: 500 });
    });
  });
});
