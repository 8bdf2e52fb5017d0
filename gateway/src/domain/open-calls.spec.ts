import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { OpenCalls } from './open-calls.ts';

function leave(calls: OpenCalls, call: AbortController): void {
  calls.clientLeft(call);
  calls.workEnded(call);
}

describe('open calls', () => {
  it('are refused above the limit and let in again when one has left', () => {
    const calls = new OpenCalls(1, 100);
    const first = calls.enter();
    expect(() => calls.enter()).toThrow(expect.objectContaining({ code: 'overloaded', httpStatus: 503 }));
    leave(calls, first);
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
    leave(calls, second);
    leave(calls, second);
    calls.hold(first, 60);
    expect(() => calls.hold(first, 1)).toThrow(expect.objectContaining({ code: 'overloaded' }));
  });

  it('are in until both their client and their work have left, whichever is first', () => {
    const calls = new OpenCalls(1, 100);
    for (const order of [['clientLeft', 'workEnded'], ['workEnded', 'clientLeft']] as const) {
      const call = calls.enter();
      calls.hold(call, 60);
      calls[order[0]](call);
      calls.hold(call, 40);
      calls[order[0]](call);
      expect([calls.size, calls.heldBytes]).toEqual([1, 100]);
      expect(() => calls.enter()).toThrow(expect.objectContaining({ code: 'overloaded' }));
      calls[order[1]](call);
      expect([calls.size, calls.heldBytes]).toEqual([0, 0]);
    }
  });

  it('hold nothing uncounted once they are out', () => {
    const calls = new OpenCalls(1, 100);
    const call = calls.enter();
    calls.hold(call, 10);
    leave(calls, call);
    expect(() => calls.hold(call, 1)).toThrow(expect.objectContaining({ code: 'internal' }));
    calls.hold(call, -10);
    expect([calls.size, calls.heldBytes]).toEqual([0, 0]);
  });

  it('hold together what those hold that are in, whatever happens in whatever order', () => {
    const step = fc.record({ call: fc.nat(3), act: fc.constantFrom('hold', 'clientLeft', 'workEnded'), bytes: fc.integer({ min: 1, max: 40 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const calls = new OpenCalls(4, 100);
        const model = Array.from({ length: 4 }, () => ({ call: calls.enter(), bytes: 0, hasClient: true, hasWork: true }));
        const inside = () => model.filter(({ hasClient, hasWork }) => hasClient || hasWork);
        const heldBytes = () => inside().reduce((sum, { bytes }) => sum + bytes, 0);
        for (const { call: index, act, bytes } of steps) {
          const one = model[index]!;
          if (act === 'clientLeft') {
            calls.clientLeft(one.call);
            one.hasClient = false;
          } else if (act === 'workEnded') {
            calls.workEnded(one.call);
            one.hasWork = false;
          } else if (!inside().includes(one) || heldBytes() + bytes > 100) expect(() => calls.hold(one.call, bytes)).toThrow();
          else {
            calls.hold(one.call, bytes);
            one.bytes += bytes;
          }
          expect([calls.size, calls.heldBytes]).toEqual([inside().length, heldBytes()]);
        }
      }),
    );
  });

  it('drain: nobody new, those who run may end', async () => {
    const calls = new OpenCalls(2, 100);
    const running = calls.enter();
    let drained = false;
    const drain = calls.drain().then(() => (drained = true));
    expect(() => calls.enter()).toThrow(expect.objectContaining({ code: 'draining' }));
    await Promise.resolve();
    expect([drained, running.signal.aborted]).toEqual([false, false]);
    calls.clientLeft(running);
    await Promise.resolve();
    expect(drained).toBe(false);
    calls.workEnded(running);
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
