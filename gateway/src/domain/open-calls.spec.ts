import { describe, expect, it } from '@jest/globals';
import { OpenCalls } from './open-calls.ts';

describe('open calls', () => {
  it('are refused above the limit and let in again when one has left', () => {
    const calls = new OpenCalls(1, 100);
    const first = calls.enter();
    expect(() => calls.enter()).toThrow(expect.objectContaining({ code: 'overloaded', httpStatus: 503 }));
    calls.leave(first);
    expect(calls.enter()).toBeInstanceOf(AbortController);
  });

  it('hold no more than they may together, and give back what they held when they leave', () => {
    const calls = new OpenCalls(3, 100);
    const [first, second] = [calls.enter(), calls.enter()];
    calls.hold(first, 90);
    expect(() => calls.hold(second, 11)).toThrow(expect.objectContaining({ code: 'overloaded', httpStatus: 503 }));
    calls.hold(second, 10);
    calls.hold(first, -50);
    calls.hold(second, 50);
    calls.leave(second);
    calls.leave(second);
    calls.hold(second, 1_000);
    calls.hold(first, 60);
    expect(() => calls.hold(first, 1)).toThrow(expect.objectContaining({ code: 'overloaded' }));
  });

  it('drain: nobody new, those who run may end', async () => {
    const calls = new OpenCalls(2, 100);
    const running = calls.enter();
    let drained = false;
    const drain = calls.drain().then(() => (drained = true));
    expect(() => calls.enter()).toThrow(expect.objectContaining({ code: 'draining' }));
    await Promise.resolve();
    expect([drained, running.signal.aborted]).toEqual([false, false]);
    calls.leave(running);
    await drain;
  });

  it('end with a reason when they are told to', () => {
    const calls = new OpenCalls(1, 100);
    const running = calls.enter();
    calls.abort();
    expect(running.signal.reason).toMatchObject({ code: 'draining' });
  });

  it('are drained at once when there are none', async () => {
    await expect(new OpenCalls(1, 100).drain()).resolves.toBeUndefined();
  });
});
