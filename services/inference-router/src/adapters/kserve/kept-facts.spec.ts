import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import fc from 'fast-check';
import type { ModelFacts } from '../../domain/backend.ts';
import { FACTS_KEPT_MS, FAULT_KEPT_MS, KeptFacts } from './kept-facts.ts';

const never = new AbortController().signal;
const factsOf = (time: number): ModelFacts => ({ metadata: Uint8Array.of(time), config: new Uint8Array() });

/** A server that is asked, and answers when it is told to. */
function asked() {
  const clock = new ManualClock();
  const asks: { answer: (facts: ModelFacts) => void; fail: (error: Error) => void; signal: AbortSignal }[] = [];
  const facts = new KeptFacts((signal) => new Promise((answer, fail) => {
    asks.push({ answer, fail, signal });
    signal.addEventListener('abort', () => fail(signal.reason as Error), { once: true });
  }), clock);
  return { clock, asks, facts };
}

describe('facts of a model', () => {
  it('are asked for once by all who ask at once, and by all who ask soon', async () => {
    const { clock, asks, facts } = asked();
    const first = Array.from({ length: 100 }, () => facts.get(never));
    asks[0]!.answer(factsOf(1));
    expect(new Set((await Promise.all(first)).map(({ metadata }) => metadata[0]))).toEqual(new Set([1]));
    clock.advance(FACTS_KEPT_MS - 1);
    expect((await facts.get(never)).metadata[0]).toBe(1);
    expect(asks).toHaveLength(1);
    clock.advance(1);
    const second = facts.get(never);
    asks[1]!.answer(factsOf(2));
    expect((await second).metadata[0]).toBe(2);
  });

  it('are not asked for at once again where that failed', async () => {
    const { clock, asks, facts } = asked();
    const fault = new ServiceError('backend_unavailable', 'away');
    const outcome = expect(facts.get(never)).rejects.toBe(fault);
    asks[0]!.fail(fault);
    await outcome;
    clock.advance(FAULT_KEPT_MS - 1);
    await expect(facts.get(never)).rejects.toBe(fault);
    clock.advance(1);
    const again = facts.get(never);
    asks[1]!.answer(factsOf(2));
    expect((await again).metadata[0]).toBe(2);
  });

  it('are forgotten with a server in trouble, also those that it is just telling', async () => {
    const { asks, facts } = asked();
    const before = facts.get(never);
    facts.forget();
    const behind = facts.get(never);
    asks[0]!.answer(factsOf(1));
    asks[1]!.answer(factsOf(2));
    expect([(await before).metadata[0], (await behind).metadata[0], (await facts.get(never)).metadata[0]]).toEqual([1, 2, 2]);
  });

  it('are asked for in a time of their own; who leaves leaves the others waiting', async () => {
    const { clock, asks, facts } = asked();
    const leave = new AbortController();
    const [leaving, staying] = [facts.get(leave.signal), facts.get(never)];
    const left = expect(leaving).rejects.toThrow('left');
    leave.abort(new Error('left'));
    await left;
    expect(asks[0]!.signal.aborted).toBe(false);
    const outcome = expect(staying).rejects.toMatchObject({ code: 'upstream_timeout' });
    clock.advance(5_000);
    await outcome;
    expect(asks).toHaveLength(1);
  });

  it('cost the server one question for each time that they are kept, however often they are asked for', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.nat({ max: FACTS_KEPT_MS }), { maxLength: 40 }), async (pauses) => {
      const clock = new ManualClock();
      let asks = 0;
      const facts = new KeptFacts(() => Promise.resolve(factsOf(asks++)), clock);
      let passedMs = 0;
      for (const pauseMs of pauses) {
        await facts.get(never);
        clock.advance(pauseMs);
        passedMs += pauseMs;
      }
      expect(asks).toBeLessThanOrEqual(1 + passedMs / FACTS_KEPT_MS);
    }), { numRuns: 100 });
  });
});
