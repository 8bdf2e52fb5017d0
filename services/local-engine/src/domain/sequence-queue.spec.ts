import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import fc from 'fast-check';
import { SequenceQueue } from './sequence-queue.ts';

const never = new AbortController().signal;
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
};

function openQueue(sequences: number, waitingLimit: number) {
  const clock = new ManualClock();
  const queue = new SequenceQueue({ sequences, waitingLimit, waitLimitMs: 1000 }, clock);
  queue.open();
  return { clock, queue };
}

describe('SequenceQueue', () => {
  it('never gives out more sequences than there are, serves in order, and strands nobody', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3 }), fc.array(fc.constantFrom('ask', 'release', 'leave'), { maxLength: 40 }), async (sequences, steps) => {
        const { queue } = openQueue(sequences, 5);
        const held: (() => void)[] = [];
        const waiting: { readonly order: number; readonly controller: AbortController }[] = [];
        const served: number[] = [];
        let asked = 0;
        for (const step of steps) {
          if (step === 'release') held.shift()?.();
          else if (step === 'leave') waiting.pop()?.controller.abort(new Error('left'));
          else {
            const entry = { order: asked++, controller: new AbortController() };
            waiting.push(entry);
            const forget = (): void => void (waiting.includes(entry) && waiting.splice(waiting.indexOf(entry), 1));
            void queue.acquire(entry.controller.signal).then((release) => {
              forget();
              served.push(entry.order);
              held.push(release);
            }, forget);
          }
          await settle();
          expect(queue.inUse).toBe(held.length);
          expect(held.length).toBeLessThanOrEqual(sequences);
          expect(held.length === sequences || waiting.length === 0).toBe(true);
          expect(queue.waiting).toBe(waiting.length);
        }
        expect(served).toEqual([...served].sort((a, b) => a - b));
      }),
    );
  });

  it('refuses when too many wait, and whoever waited too long', async () => {
    const { clock, queue } = openQueue(1, 1);
    await queue.acquire(never);
    const waiting = queue.acquire(never);
    await expect(queue.acquire(never)).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 4 });
    clock.advance(1000);
    await expect(waiting).rejects.toMatchObject({ code: 'overloaded' });
    expect(queue.waiting).toBe(0);
  });

  it('lets those who wait through after the process came back, and counts no sequence of the old one', async () => {
    const { queue } = openQueue(1, 3);
    const oldRelease = await queue.acquire(never);
    const waiting = queue.acquire(never);
    queue.close();
    oldRelease();
    await settle();
    expect(queue.waiting).toBe(1);
    queue.open();
    await waiting;
    expect(queue.inUse).toBe(1);
    oldRelease();
    expect(queue.inUse).toBe(1);
  });

  it('gives nothing of an old process back to the new one, however late', async () => {
    const { queue } = openQueue(1, 3);
    const late = await queue.acquire(never);
    const waiting = queue.acquire(never);
    queue.close();
    queue.open();
    const release = await waiting;
    const next = queue.acquire(never);
    late();
    await settle();
    expect([queue.inUse, queue.waiting]).toEqual([1, 1]);
    release();
    (await next)();
    expect(queue.inUse).toBe(0);
  });

  it('counts exactly what the present process was asked for, in whatever order processes and answers end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3 }), fc.array(fc.tuple(fc.constantFrom('ask', 'release', 'close', 'open'), fc.nat()), { maxLength: 40 }), async (sequences, steps) => {
        const { queue } = openQueue(sequences, 5);
        let [process, isOpen] = [1, true];
        const held: { readonly process: number; readonly release: () => void }[] = [];
        for (const [step, choice] of steps) {
          if (step === 'ask') void queue.acquire(never).then((release) => held.push({ process, release }), () => undefined);
          else if (step === 'release') held.splice(choice % Math.max(1, held.length), 1)[0]?.release();
          else if (step === 'close' && isOpen) [isOpen] = [false, queue.close()];
          else if (step === 'open' && !isOpen) [process, isOpen] = [process + 1, true, queue.open()];
          await settle();
          const ofThisProcess = held.filter((one) => one.process === process).length;
          if (isOpen) expect(queue.inUse).toBe(ofThisProcess);
          expect(ofThisProcess).toBeLessThanOrEqual(sequences);
          expect(!isOpen || ofThisProcess === sequences || queue.waiting === 0).toBe(true);
        }
      }),
    );
  });
});
