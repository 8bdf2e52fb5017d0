import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SlidingWindow } from './sliding-window.ts';

const WINDOW_MS = 1_000;
const BUCKET_MS = 100;

interface Use {
  readonly atMs: number;
  amount: number;
}

const steps = fc.array(fc.record({ pauseMs: fc.oneof(fc.integer({ min: 0, max: 60 }), fc.double({ min: 0, max: 900, noNaN: true }), fc.constantFrom(BUCKET_MS, WINDOW_MS, WINDOW_MS + BUCKET_MS)), amount: fc.integer({ min: 0, max: 9 }) }), { maxLength: 120 });

/** What lies in the window of this length that ends then. */
function within(uses: readonly Use[], endMs: number): number {
  return uses.filter(({ atMs }) => atMs + WINDOW_MS > endMs && atMs <= endMs).reduce((sum, { amount }) => sum + amount, 0);
}

describe('SlidingWindow', () => {
  it('never lets more in than the limit in any window, wherever it begins', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e6, noNaN: true }), fc.integer({ min: 1, max: 20 }), steps, (startMs, limit, taken) => {
        const window = new SlidingWindow(WINDOW_MS, BUCKET_MS);
        const uses: Use[] = [];
        let nowMs = startMs;
        for (const { pauseMs, amount } of taken) {
          nowMs += pauseMs;
          if (window.waitMs(nowMs, amount, limit) > 0) continue;
          window.add(nowMs, amount);
          uses.push({ atMs: nowMs, amount });
        }
        // The fullest window ends with a use.
        for (const { atMs } of uses) expect(within(uses, atMs)).toBeLessThanOrEqual(limit);
      }),
    );
  });

  it('holds nothing back longer than a window, and says exactly when it fits', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), steps, fc.integer({ min: 1, max: 20 }), (limit, taken, asked) => {
        const window = new SlidingWindow(WINDOW_MS, BUCKET_MS);
        let nowMs = 5_000;
        for (const { pauseMs, amount } of taken) {
          nowMs += Math.round(pauseMs);
          window.add(nowMs, amount);
        }
        const waitMs = window.waitMs(nowMs, asked, limit);
        if (asked > limit) return expect(waitMs === Infinity).toBe(window.used(nowMs) + asked > limit);
        expect(waitMs).toBeLessThanOrEqual(WINDOW_MS);
        if (waitMs > 1) expect(window.waitMs(nowMs + waitMs - 1, asked, limit)).toBe(1);
        expect(window.waitMs(nowMs + waitMs, asked, limit)).toBe(0);
        expect(window.used(nowMs + waitMs + window.emptyInMs(nowMs + waitMs))).toBe(0);
      }),
    );
  });

  it('does not let in a moment before it says', () => {
    const window = new SlidingWindow(WINDOW_MS, BUCKET_MS);
    window.add(250, 3);
    window.add(470, 1);
    window.add(480, 1);
    expect(window.waitMs(490, 2, 5)).toBe(250 + WINDOW_MS - 490);
    expect(window.waitMs(1_249, 2, 5)).toBe(1);
    expect(window.waitMs(1_250, 2, 5)).toBe(0);
    // The last of a bucket takes the others of it along.
    expect(window.waitMs(1_250, 4, 5)).toBe(230);
    expect(window.emptyInMs(1_250)).toBe(230);
    expect([window.used(1_479), window.used(1_480)]).toEqual([2, 0]);
  });

  it('corrects what was used where it was used, and leaves nothing behind', () => {
    const corrections = fc.array(fc.record({ pauseMs: fc.integer({ min: 0, max: 400 }), amount: fc.integer({ min: 0, max: 9 }), truth: fc.integer({ min: 0, max: 9 }), after: fc.integer({ min: 0, max: 12 }) }), { maxLength: 80 });
    fc.assert(
      fc.property(corrections, (taken) => {
        const window = new SlidingWindow(WINDOW_MS, BUCKET_MS);
        const uses: (Use & { readonly bucket: number; readonly truth: number; readonly dueAt: number })[] = [];
        let nowMs = 0;
        for (const [index, { pauseMs, amount, truth, after }] of taken.entries()) {
          nowMs += pauseMs;
          uses.push({ atMs: nowMs, amount, bucket: window.add(nowMs, amount), truth, dueAt: index + after });
          // A bucket leaves whole, with the last that was used in it.
          const lastMs = new Map(uses.map(({ bucket, atMs }) => [bucket, atMs]));
          const hasLeft = ({ bucket }: { bucket: number }): boolean => lastMs.get(bucket)! + WINDOW_MS <= nowMs;
          for (const use of uses.filter(({ dueAt }) => dueAt === index)) {
            window.correct(nowMs, use.bucket, use.truth - use.amount);
            // What has left is past; what was used beyond it counts from when that is known.
            if (hasLeft(use)) uses.push({ ...use, atMs: nowMs, amount: Math.max(0, use.truth - use.amount), bucket: Math.floor(nowMs / BUCKET_MS), dueAt: -1 });
            use.amount = use.truth;
          }
          expect(window.used(nowMs)).toBe(uses.filter((use) => !hasLeft(use)).reduce((sum, use) => sum + use.amount, 0));
        }
        expect(window.used(nowMs + WINDOW_MS + BUCKET_MS)).toBe(0);
        expect(window.emptyInMs(nowMs + WINDOW_MS + BUCKET_MS)).toBe(0);
      }),
    );
  });

  it('is empty where a correction left nothing', () => {
    const window = new SlidingWindow(WINDOW_MS, BUCKET_MS);
    window.add(100, 2);
    const bucket = window.add(450, 7);
    expect(window.emptyInMs(500)).toBe(950);
    window.correct(500, bucket, -7);
    expect(window.emptyInMs(500)).toBe(600);
    window.correct(500, 1, -2);
    expect(window.emptyInMs(500)).toBe(0);
  });

  it('takes a correction that comes late as nothing where less was used, and counts from now what was used beyond', () => {
    const window = new SlidingWindow(WINDOW_MS, BUCKET_MS);
    const bucket = window.add(100, 5);
    window.add(2_000, 2);
    window.correct(2_000, bucket, -5);
    window.correct(2_000, bucket + 1, -5);
    expect(window.used(2_000)).toBe(2);
    window.correct(2_950, bucket, 30);
    expect([window.used(2_950), window.used(3_900), window.used(3_950)]).toEqual([32, 30, 0]);
  });

  it('counts what was used before it until that has left, beside what is added', () => {
    const before = fc.array(fc.record({ agoMs: fc.integer({ min: 0, max: WINDOW_MS }), amount: fc.integer({ min: 1, max: 9 }) }), { maxLength: 12 });
    fc.assert(
      fc.property(before, steps, (earlier, taken) => {
        const window = new SlidingWindow(WINDOW_MS, BUCKET_MS);
        const startMs = 40;
        let nowMs = startMs;
        const [first, ...others] = taken.map(({ pauseMs, amount }) => ({ atMs: (nowMs += Math.max(BUCKET_MS, Math.round(pauseMs))), amount }));
        const history = earlier.map(({ agoMs, amount }) => ({ atMs: startMs - agoMs, amount })).toSorted((a, b) => a.atMs - b.atMs);
        const uses = [...history];
        if (first) uses.push((window.add(first.atMs, first.amount), first));
        // It is told a moment late.
        window.precede(history);
        for (const use of others) uses.push((window.add(use.atMs, use.amount), use));
        for (const at of [nowMs, nowMs + 1, nowMs + WINDOW_MS / 2, nowMs + WINDOW_MS]) expect(window.used(at)).toBe(within(uses, at));
        expect(window.emptyInMs(nowMs + WINDOW_MS)).toBe(0);
      }),
    );
  });

  it('counts longer, not shorter, should the time be given in the wrong order', () => {
    const window = new SlidingWindow(WINDOW_MS, BUCKET_MS);
    window.add(1_000, 1);
    window.add(400, 1);
    expect(window.used(1_999)).toBe(2);
    expect(window.used(2_000)).toBe(0);
  });

  it('counts on at full speed however many windows pass', () => {
    const window = new SlidingWindow(WINDOW_MS, BUCKET_MS);
    for (let nowMs = 0; nowMs < 40_000; nowMs += 2.5) {
      window.add(nowMs, 1);
      expect(window.used(nowMs)).toBeLessThanOrEqual((WINDOW_MS + BUCKET_MS) / 2.5);
    }
    expect(window.used(39_999)).toBeGreaterThanOrEqual(WINDOW_MS / 2.5);
  });
});
