import { expect, it } from '@jest/globals';
import { ReadingProgress } from './reading-progress.ts';

let nowMs = 0;
const begin = (): ReadingProgress => {
  nowMs = 0;
  return new ReadingProgress({ monotonicMs: () => nowMs });
};

it('is behind by what lies between the end of each partition and its next record', () => {
  const progress = begin();
  progress.read(0, 10n, 4n);
  progress.asked(1, 7n, 7n, progress.reads);
  expect(progress.lag()).toBe(6);
  // A cursor that was asked for before the batch was handled.
  const before = progress.reads;
  progress.read(0, 12n, 11n);
  progress.asked(0, 11n, 4n, before);
  expect(progress.lag()).toBe(1);
  // A consumer that was put back, and one that is ahead of what there is.
  progress.asked(0, 12n, 2n, progress.reads);
  expect(progress.lag()).toBe(10);
  progress.asked(0, 3n, 20n, progress.reads);
  expect(progress.lag()).toBe(0);
});

it('tells why it does not go on, once that has lasted, and until a batch is handled', () => {
  const progress = begin();
  progress.failed(0, 'batch', 'first');
  nowMs = 4_999;
  progress.succeeded(0, 'claim');
  progress.failed(0, 'batch', 'second');
  progress.failed(0, 'claim', 'third');
  expect(progress.fault).toBeUndefined();
  nowMs = 5_000;
  expect(progress.fault).toBe('third');
  progress.succeeded(1, 'batch');
  progress.succeeded(0, 'claim');
  expect(progress.fault).toBe('third');
  progress.succeeded(0, 'batch');
  expect(progress.fault).toBeUndefined();
});

it('goes on when a partition is taken over in which nothing comes, and when somebody else is given it', () => {
  const progress = begin();
  progress.failed(0, 'claim', 'away');
  progress.failed(1, 'batch', 'bad');
  nowMs = 5_000;
  expect(progress.fault).toBe('away');
  progress.succeeded(0, 'claim');
  expect(progress.fault).toBe('bad');
  progress.assigned([0, 1]);
  expect(progress.fault).toBe('bad');
  progress.assigned([0]);
  expect(progress.fault).toBeUndefined();
});
