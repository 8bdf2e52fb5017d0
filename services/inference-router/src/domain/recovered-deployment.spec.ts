import { beforeEach, describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import { LIMITS, never, RoutedCalls, whole } from '../testing/routed-calls.ts';
import { answerOf, deployment, failing, settled, stalling, text } from '../testing/scripted-backend.ts';
import { BREAKER_FAILURES, BREAKER_OPEN_MS } from './limits.ts';

describe.each(['inside', 'external'] as const)('a deployment %s that has recovered', (placement) => {
  let calls: RoutedCalls;
  const backend = () => calls.backend('dep_1');
  const breakerState = () => calls.fleet.list()[0]!.breaker.state;
  const broken = () => new ServiceError('upstream_error', 'failed');
  /** Takes from a call until its answer has begun. */
  const begun = async (call: ReturnType<RoutedCalls['route']>): Promise<void> => {
    for (let next = await call.next(); next.value?.[0]?.event.case === 'attempt'; next = await call.next());
  };
  beforeEach(async () => {
    calls = new RoutedCalls();
    await calls.deploy(deployment('dep_1', { placement }));
    backend().answer = failing(broken());
    for (let call = 0; call < BREAKER_FAILURES; call++) await calls.ask().catch(() => undefined);
    calls.clock.advance(BREAKER_OPEN_MS);
    await settled();
  });

  it('is tried by one of many calls that come at the same time', async () => {
    backend().answer = stalling();
    const asked = backend().calls.length;
    const together = Array.from({ length: 5 }, () => calls.ask());
    const outcomes = Promise.allSettled(together);
    await settled();
    expect(backend().calls.length - asked).toBe(1);
    calls.clock.advance(LIMITS.firstTokenMs);
    expect((await outcomes).map((outcome) => outcome.status === 'rejected' && (outcome.reason as ServiceError).code).toSorted()).toEqual([...Array<string>(4).fill('backend_unavailable'), 'upstream_timeout']);
  });

  it('takes further calls while its first answer is still streamed', async () => {
    backend().answer = stalling('long');
    const long = calls.route();
    await begun(long);
    backend().answer = answerOf;
    expect(await calls.ask()).toBe('from dep_1');
    await long.return(undefined);
  });

  it('is taken out again when that answer breaks off before any came whole, and stays in when one did', async () => {
    for (const [between, state] of [[async () => undefined, 'open'], [() => calls.ask(), 'closed']] as const) {
      const gate = Promise.withResolvers<void>();
      backend().answer = async function* () {
        yield [text('half')];
        await gate.promise;
        throw broken();
      };
      const long = calls.route();
      await begun(long);
      backend().answer = answerOf;
      await between();
      gate.resolve();
      await expect(long.next()).rejects.toMatchObject({ code: 'upstream_error' });
      expect(breakerState()).toBe(state);
      calls.clock.advance(2 * BREAKER_OPEN_MS);
      await settled();
    }
  });

  it('takes a further call a while after one for an answer that is not streamed, which shows nothing before its end', async () => {
    const gate = Promise.withResolvers<void>();
    backend().answer = async function* (call) {
      await gate.promise;
      yield* answerOf(call);
    };
    const long = calls.ask(never, { ...whole, limits: { ...LIMITS, wholeAnswerMs: 2 * BREAKER_OPEN_MS } });
    await settled();
    backend().answer = answerOf;
    await expect(calls.ask()).rejects.toMatchObject({ code: 'backend_unavailable', retryAfterSeconds: 1 });
    calls.clock.advance(BREAKER_OPEN_MS);
    await settled();
    expect(await calls.ask()).toBe('from dep_1');
    gate.resolve();
    expect(await long).toBe('from dep_1');
  });

  it('is free for the next trial when the caller of one leaves, also while it is only on its way to the record', async () => {
    backend().answer = stalling();
    const asked = backend().calls.length;
    const leave = new AbortController();
    const leaving = calls.route(leave.signal);
    const first = leaving.next();
    await settled();
    expect(backend().calls.length - asked).toBe(placement === 'external' ? 0 : 1);
    leave.abort(new ServiceError('cancelled', 'left'));
    await first;
    await leaving.return(undefined);
    expect(calls.fleet.list().map(({ inFlight }) => inFlight)).toEqual([0]);
    expect(breakerState()).toBe('half-open');
    backend().answer = answerOf;
    expect(await calls.ask()).toBe('from dep_1');
  });
});
