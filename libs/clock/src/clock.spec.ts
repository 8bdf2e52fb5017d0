import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ManualClock, systemClock, systemIds } from './index.ts';

describe('ManualClock', () => {
  it('runs timers in the order they are due, each at its own time', () => {
    const clock = new ManualClock();
    const seen: string[] = [];
    clock.after(20, () => seen.push(`b@${clock.monotonicMs()}`));
    clock.every(15, () => seen.push(`a@${clock.monotonicMs()}`));
    clock.advance(31);
    expect(seen).toEqual(['a@15', 'b@20', 'a@30']);
  });

  it('runs nothing that was cancelled, and nothing while it jumps', () => {
    const clock = new ManualClock();
    let runs = 0;
    clock.after(5, () => runs++).cancel();
    clock.after(5, () => runs++);
    clock.jump(100);
    expect(runs).toBe(0);
    clock.advance(0);
    expect(runs).toBe(1);
  });
});

describe('ids', () => {
  it('sort by time of creation and carry version and variant of RFC 9562', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 45 }), fc.integer({ min: 1, max: 2 ** 40 }), (startMs, laterMs) => {
        const clock = new ManualClock(startMs);
        const ids = systemIds(clock);
        const [first, firstKey] = [ids.callId(), ids.next('key')];
        clock.jump(laterMs);
        expect(ids.callId() > first).toBe(true);
        expect(ids.next('key') > firstKey).toBe(true);
        expect(first).toMatch(/^[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$/);
        expect(firstKey).toMatch(/^key_[0-9a-hjkmnp-tv-z]{26}$/);
      }),
    );
  });

  it('never hand out the same random bytes twice', () => {
    const ids = systemIds(systemClock);
    const seen = new Set(Array.from({ length: 5000 }, () => ids.randomBytes(16).toString('hex')));
    expect(seen.size).toBe(5000);
  });
});
