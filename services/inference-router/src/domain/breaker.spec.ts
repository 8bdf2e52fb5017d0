import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import fc from 'fast-check';
import { Breaker } from './breaker.ts';
import { BREAKER_FAILURES, BREAKER_OPEN_LIMIT_MS, BREAKER_OPEN_MS } from './limits.ts';

function fail(breaker: Breaker, times: number): void {
  for (let count = 0; count < times; count++) {
    breaker.begin();
    breaker.failed();
  }
}

describe('a breaker', () => {
  it('opens after failures in a row, not before', () => {
    const breaker = new Breaker(new ManualClock());
    fail(breaker, BREAKER_FAILURES - 1);
    expect([breaker.state, breaker.allows]).toEqual(['closed', true]);
    fail(breaker, 1);
    expect([breaker.state, breaker.allows, breaker.retryAfterMs]).toEqual(['open', false, BREAKER_OPEN_MS]);
  });

  it('forgets failures at a success', () => {
    const breaker = new Breaker(new ManualClock());
    fail(breaker, BREAKER_FAILURES - 1);
    breaker.succeeded();
    fail(breaker, BREAKER_FAILURES - 1);
    expect(breaker.state).toBe('closed');
  });

  it('lets one call at a time try again, and closes when it succeeds', () => {
    const clock = new ManualClock();
    const breaker = new Breaker(clock);
    fail(breaker, BREAKER_FAILURES);
    clock.advance(BREAKER_OPEN_MS);
    expect([breaker.state, breaker.allows]).toEqual(['half-open', true]);
    breaker.begin();
    expect(breaker.allows).toBe(false);
    breaker.succeeded();
    expect([breaker.state, breaker.allows]).toEqual(['closed', true]);
  });

  it('stays open twice as long after each failed trial, up to a limit', () => {
    const clock = new ManualClock();
    const breaker = new Breaker(clock);
    fail(breaker, BREAKER_FAILURES);
    for (let openMs = BREAKER_OPEN_MS, trial = 0; trial < 10; trial++) {
      clock.advance(openMs);
      fail(breaker, 1);
      openMs = Math.min(openMs * 2, BREAKER_OPEN_LIMIT_MS);
      expect(breaker.retryAfterMs).toBe(openMs);
    }
  });

  it('gives the trial back when its caller leaves', () => {
    const clock = new ManualClock();
    const breaker = new Breaker(clock);
    fail(breaker, BREAKER_FAILURES);
    clock.advance(BREAKER_OPEN_MS);
    breaker.begin();
    breaker.dropped();
    expect([breaker.state, breaker.allows]).toEqual(['half-open', true]);
  });

  it('is not held open longer by calls that began before it opened', () => {
    const clock = new ManualClock();
    const breaker = new Breaker(clock);
    fail(breaker, BREAKER_FAILURES);
    clock.advance(BREAKER_OPEN_MS - 1);
    breaker.failed();
    clock.advance(1);
    expect(breaker.allows).toBe(true);
  });

  it('always lets a call through again within its limit, whatever happened', () => {
    const act = fc.constantFrom('succeeded' as const, 'failed' as const, 'dropped' as const);
    fc.assert(
      fc.property(fc.array(fc.tuple(act, fc.nat(5000))), (acts) => {
        const clock = new ManualClock();
        const breaker = new Breaker(clock);
        for (const [outcome, waitMs] of acts) {
          if (breaker.allows) breaker.begin();
          breaker[outcome]();
          clock.advance(waitMs);
        }
        clock.advance(BREAKER_OPEN_LIMIT_MS);
        expect(breaker.allows).toBe(true);
      }),
    );
  });
});
