import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { storeContract } from '../store.contract.ts';
import type { WindowLimit } from '../store.ts';
import { createInProcessStore } from './in-process-store.ts';

storeContract('the store in memory', async () => {
  const clock = new ManualClock();
  clock.jump(5_000);
  return { store: createInProcessStore(clock), nowMs: () => clock.monotonicMs(), pass: (ms) => clock.jump(ms) };
});

describe('the store in memory', () => {
  const minute: WindowLimit = { name: 'minute', windowMs: 60_000, bucketMs: 100, limit: 3, counts: 'takings' };

  it('answers at once', () => {
    expect(createInProcessStore(new ManualClock()).take([{ id: 'a', windows: [minute], places: 1 }], 1)).not.toBeInstanceOf(Promise);
  });

  it('forgets who is idle, and nobody who is not', () => {
    const clock = new ManualClock();
    const store = createInProcessStore(clock);
    for (let at = 0; at < 50; at++) store.take([{ id: `idle ${at}`, windows: [minute], places: undefined }], 0).hold!.end(0);
    store.take([{ id: 'held', windows: [], places: undefined }], 0);
    expect(store.size).toBe(51);
    clock.jump(60_000);
    store.take([{ id: 'new', windows: [minute], places: undefined }], 0);
    expect(store.size).toBe(2);
  });
});
