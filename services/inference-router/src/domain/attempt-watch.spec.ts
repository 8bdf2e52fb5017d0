import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import fc from 'fast-check';
import { AttemptWatch } from './attempt-watch.ts';

const LIMITS = { firstEventMs: 100, idleMs: 30 };

describe('the deadlines of an attempt', () => {
  let clock: ManualClock;
  const never = new AbortController().signal;
  beforeEach(() => {
    clock = new ManualClock();
  });
  const watchOf = (signal = never): AttemptWatch => new AttemptWatch(clock, signal, LIMITS);
  const codeOf = (watch: AttemptWatch): string | undefined => (watch.signal.aborted ? (watch.signal.reason as ServiceError).code : undefined);

  it('give the first event its own time', () => {
    using watch = watchOf();
    watch.waiting();
    clock.advance(99);
    expect(codeOf(watch)).toBeUndefined();
    clock.advance(1);
    expect(codeOf(watch)).toBe('upstream_timeout');
  });

  it('end a stream that is silent for too long, to the millisecond, wherever the silence begins', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 500 }), (beginMs) => {
        clock = new ManualClock();
        using watch = watchOf();
        watch.waiting();
        watch.arrived();
        clock.advance(beginMs);
        watch.waiting();
        clock.advance(29);
        expect(codeOf(watch)).toBeUndefined();
        clock.advance(1);
        expect(codeOf(watch)).toBe('upstream_timeout');
      }),
    );
  });

  it('do not run while nobody waits: a slow reader is not a slow backend', () => {
    using watch = watchOf();
    watch.waiting();
    watch.arrived();
    clock.advance(900);
    expect(codeOf(watch)).toBeUndefined();
  });

  it('give the rest of an answer the time between events, however late and after however long a time its first came', () => {
    fc.assert(
      fc.property(fc.integer({ min: 30, max: 1_000_000 }), fc.nat(), (firstEventMs, at) => {
        clock = new ManualClock();
        using watch = new AttemptWatch(clock, never, { ...LIMITS, firstEventMs });
        watch.waiting();
        clock.advance(at % firstEventMs);
        expect(codeOf(watch)).toBeUndefined();
        watch.arrived();
        watch.waiting();
        clock.advance(29);
        expect(codeOf(watch)).toBeUndefined();
        clock.advance(1);
        expect(codeOf(watch)).toBe('upstream_timeout');
      }),
    );
  });

  it('pass the reason of the caller on, also one from before', () => {
    const reason = new ServiceError('cancelled', 'left');
    const caller = new AbortController();
    using watch = watchOf(caller.signal);
    caller.abort(reason);
    expect(watch.signal.reason).toBe(reason);
    using late = watchOf(caller.signal);
    expect(late.signal.reason).toBe(reason);
  });

  it('leave nothing behind', () => {
    const caller = new AbortController();
    const watch = watchOf(caller.signal);
    watch.waiting();
    watch[Symbol.dispose]();
    caller.abort(new ServiceError('cancelled', 'left'));
    clock.advance(5000);
    expect(watch.signal.aborted).toBe(false);
  });
});
