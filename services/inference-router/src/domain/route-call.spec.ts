import { beforeEach, describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { ServiceError, type Code } from '@sluice/errors';
import { ChatEventSchema } from '@sluice/proto/chat/v1/chat';
import { LIMITS, never, RoutedCalls, whole } from '../testing/routed-calls.ts';
import { answerOf, chatCall, deployment, failing, settled, stalling, text } from '../testing/scripted-backend.ts';
import { ATTEMPTS_LIMIT, BREAKER_FAILURES, PROBE_FAILURES, PROBE_PERIOD_DOWN_MS, PROBE_PERIOD_MS, RETRY_GRACE_MS } from './limits.ts';
import { WholeAnswers } from './whole-answers.ts';

describe('the route of a call', () => {
  let calls: RoutedCalls;
  let clock: RoutedCalls['clock'];
  let fleet: RoutedCalls['fleet'];
  let ends: RoutedCalls['ends'];
  let failed: RoutedCalls['failed'];
  beforeEach(() => {
    calls = new RoutedCalls();
    ({ clock, fleet, ends, failed } = calls);
  });
  const deploy = (...ids: string[]) => calls.deploy(...ids);
  const route: RoutedCalls['route'] = (...given) => calls.route(...given);
  const ask: RoutedCalls['ask'] = (...given) => calls.ask(...given);
  const backend = (id: string) => calls.backend(id);
  const away = (code: Code = 'upstream_error') => failing(new ServiceError(code, 'failed'));

  it('answers on a deployment of the model, under the model name of the backend', async () => {
    await deploy('dep_1');
    expect(await ask()).toBe('from dep_1');
    expect(backend('dep_1').calls[0]).toMatchObject({ callId: 'c', deploymentId: 'dep_1', versionId: 'ver_1', upstreamModel: 'm' });
    expect(ends).toEqual([{ deploymentId: 'dep_1', code: undefined, tokens: 2n }]);
  });

  it('looks once more for a model that it does not know, then says so', async () => {
    await deploy('dep_1');
    await expect(route(never, { modelId: 'model_2' }).next()).rejects.toMatchObject({ code: 'model_not_found', httpStatus: 404, param: 'model' });
    expect(calls.rereads).toBe(1);
    calls.known.clear();
    calls.registry.reread = async () => void calls.known.add('model_1');
    expect(await ask()).toBe('from dep_1');
  });

  describe('of a prompt that may not leave the house yet', () => {
    const outside = async (): Promise<void> => {
      fleet.reconcile([deployment('dep_in'), deployment('dep_out', { placement: 'external' })]);
      await settled();
    };
    const inside = () => route(never, { insideOnly: true });

    it('stays inside however busy it is there', async () => {
      await outside();
      backend('dep_in').answer = stalling('x');
      const running = inside();
      await running.next();
      const second = inside();
      await second.next();
      expect(backend('dep_out').calls).toHaveLength(0);
      await expect(inside().next()).rejects.toMatchObject({ code: 'admission_required' });
      expect(backend('dep_out').calls).toHaveLength(0);
      await Promise.all([running.return(undefined), second.return(undefined)]);
    });

    it('asks for the record when what is inside fails', async () => {
      await outside();
      backend('dep_in').answer = away();
      const asked = inside();
      expect((await asked.next()).value).toMatchObject([{ event: { case: 'attempt', value: { deploymentId: 'dep_in', external: false } } }]);
      await expect(asked.next()).rejects.toMatchObject({ code: 'admission_required' });
      expect(backend('dep_out').calls).toHaveLength(0);
      expect(await ask()).toBe('from dep_out');
    });

    it('says for the record who was asked: outside ahead of the prompt, and wherever nothing of an answer came', async () => {
      await outside();
      backend('dep_out').answer = away();
      const attempts: object[] = [];
      const asked = route(never);
      for (let next = await asked.next(); next.value?.[0]?.event.case === 'attempt'; next = await asked.next()) {
        const { deploymentId, external, errorCode } = next.value[0].event.value;
        attempts.push({ deploymentId, external, errorCode, prompts: backend('dep_out').calls.length });
      }
      // The first that is chosen may be either; outside it is always said first.
      const out = attempts.filter((attempt) => (attempt as { external: boolean }).external);
      expect(out).toEqual(backend('dep_out').calls.length === 0 ? [] : [{ deploymentId: 'dep_out', external: true, errorCode: '', prompts: 0 }, { deploymentId: 'dep_out', external: true, errorCode: 'upstream_error', prompts: 1 }]);
      backend('dep_in').answer = away();
      const both = route(never);
      const codes: string[] = [];
      await expect((async () => {
        for await (const [first] of both) if (first?.event.case === 'attempt') codes.push(`${first.event.value.deploymentId} ${first.event.value.errorCode}`);
      })()).rejects.toMatchObject({ code: 'upstream_error' });
      expect(codes.toSorted()).toEqual(['dep_in upstream_error', 'dep_out ', 'dep_out upstream_error']);
    });

    it.each([['inside', 'dep_in', []], ['external', 'dep_out', ['dep_out ']]] as const)('says for the record that a backend was asked once more, which opens nothing and is no answer: %s', async (placement, id, out) => {
      fleet.reconcile([deployment(id, { placement })]);
      await settled();
      const attempt = { event: { case: 'attempt', value: { versionId: 'ver_1', deploymentId: id, errorCode: 'upstream_refused' } } } as const;
      const again = create(ChatEventSchema, attempt);
      backend(id).answer = async function* (call) {
        yield [again];
        yield* answerOf(call);
      };
      const said: string[] = [];
      for await (const events of route(never)) {
        expect(events).toHaveLength(1);
        const { event } = events[0]!;
        said.push(event.case === 'attempt' ? `${event.value.deploymentId} ${event.value.errorCode}` : event.case!);
        if (event.case === 'attempt') expect(event.value.external).toBe(placement === 'external');
      }
      expect(said).toEqual([...out, `${id} upstream_refused`, ...out, 'delta', 'usage']);
      expect(ends).toEqual([{ deploymentId: id, code: undefined, tokens: 2n }]);
      backend(id).answer = async function* () {
        yield [again];
        throw new ServiceError('upstream_error', 'failed');
      };
      await expect(ask()).rejects.toMatchObject({ code: 'upstream_error' });
      expect(failed).toEqual([`${id} upstream_error`]);
    });

    it('asks for the record when only what is outside is there, and sends nothing', async () => {
      fleet.reconcile([deployment('dep_out', { placement: 'external' })]);
      await settled();
      await expect(inside().next()).rejects.toMatchObject({ code: 'admission_required' });
      expect(backend('dep_out').calls).toHaveLength(0);
    });

    it('knows when a deployment moves out of the house', async () => {
      await deploy('dep_1');
      fleet.reconcile([deployment('dep_1', { placement: 'external' })]);
      await settled();
      await expect(inside().next()).rejects.toMatchObject({ code: 'admission_required' });
    });
  });

  it.each<Code>([
    'backend_unavailable', 'upstream_error', 'upstream_timeout', 'upstream_rate_limited', 'overloaded', 'model_not_installed', 'failed_precondition', 'internal',
  ])('goes to another deployment after %s before the first event', async (code) => {
    await deploy('dep_1', 'dep_2');
    backend('dep_1').answer = away(code);
    expect(await ask()).toBe('from dep_2');
    expect(ends.map(({ code: ended }) => ended)).toEqual([code, undefined]);
    expect(failed).toEqual([`dep_1 ${code}`]);
  });

  it.each<Code>(['upstream_refused', 'unsupported_parameter', 'invalid_value'])('does not repeat a request elsewhere that is refused with %s', async (code) => {
    await deploy('dep_1', 'dep_2');
    backend('dep_1').answer = away(code);
    await expect(ask()).rejects.toMatchObject({ code });
    expect(backend('dep_2').calls).toHaveLength(0);
  });

  it('does not go elsewhere once the client may have seen something', async () => {
    await deploy('dep_1', 'dep_2');
    backend('dep_1').answer = async function* () {
      yield [text('half')];
      throw new ServiceError('upstream_error', 'broke');
    };
    await expect(ask()).rejects.toMatchObject({ code: 'upstream_error' });
    expect(backend('dep_2').calls).toHaveLength(0);
  });

  it('gives up after as many deployments as allowed, with the last failure', async () => {
    const ids = Array.from({ length: ATTEMPTS_LIMIT + 1 }, (_, at) => `dep_${at}`);
    await deploy(...ids);
    for (const id of ids) backend(id).answer = away();
    await expect(ask()).rejects.toMatchObject({ code: 'upstream_error' });
    expect(ids.filter((id) => backend(id).calls.length > 0)).toHaveLength(ATTEMPTS_LIMIT);
  });

  it('tries no deployment twice for one call, and tells the failure rather than that nothing is left', async () => {
    await deploy('dep_1');
    backend('dep_1').answer = away('upstream_rate_limited');
    await expect(ask()).rejects.toMatchObject({ code: 'upstream_rate_limited' });
    expect(backend('dep_1').calls).toHaveLength(1);
  });

  it('tells what the health check was told when no deployment has its weights, and only then', async () => {
    await deploy('dep_1', 'dep_2');
    const probeBoth = async (first: Code, second: Code): Promise<void> => {
      backend('dep_1').probeOutcome = () => Promise.reject(new ServiceError(first, 'first'));
      backend('dep_2').probeOutcome = () => Promise.reject(new ServiceError(second, 'second'));
      for (let probe = 0; probe < PROBE_FAILURES; probe++) {
        clock.advance(PROBE_PERIOD_MS);
        await settled();
      }
    };
    await probeBoth('model_not_installed', 'model_not_installed');
    await expect(ask()).rejects.toMatchObject({ code: 'model_not_installed', message: 'first' });
    await probeBoth('model_not_installed', 'upstream_timeout');
    await expect(ask()).rejects.toMatchObject({ code: 'backend_unavailable' });
    expect(backend('dep_1').calls).toHaveLength(0);
  });

  it('says 503 with a time when every deployment is out', async () => {
    await deploy('dep_1');
    backend('dep_1').answer = away();
    for (let call = 0; call < BREAKER_FAILURES; call++) await ask().catch(() => undefined);
    await expect(ask()).rejects.toMatchObject({ code: 'backend_unavailable', httpStatus: 503, retryAfterSeconds: 2 });
    expect(backend('dep_1').calls).toHaveLength(BREAKER_FAILURES);
  });

  it('says that it is overloaded when every deployment is full', async () => {
    await deploy('dep_1');
    backend('dep_1').answer = stalling('x');
    const running = [route(), route()];
    await Promise.all(running.map((call) => call.next()));
    await expect(ask()).rejects.toMatchObject({ code: 'overloaded' });
    await Promise.all(running.map((call) => call.return(undefined)));
    backend('dep_1').answer = answerOf;
    expect(await ask()).toBe('from dep_1');
  });

  it('goes to the deployment with fewer calls', async () => {
    await deploy('dep_1', 'dep_2');
    backend('dep_1').answer = stalling('x');
    const running = route();
    await running.next();
    expect(await ask()).toBe('from dep_2');
    await running.return(undefined);
  });

  it('moves on from a deployment that does not begin in time', async () => {
    await deploy('dep_1', 'dep_2');
    backend('dep_1').answer = stalling();
    const answer = ask();
    await settled();
    clock.advance(LIMITS.firstTokenMs);
    expect(await answer).toBe('from dep_2');
    expect(ends[0]).toMatchObject({ deploymentId: 'dep_1', code: 'upstream_timeout' });
  });

  it('gives an answer that is not streamed its own time, then moves on', async () => {
    await deploy('dep_1', 'dep_2');
    backend('dep_1').answer = stalling();
    const answer = ask(never, whole);
    await settled();
    clock.advance(LIMITS.wholeAnswerMs - 1);
    await settled();
    expect(ends).toEqual([]);
    clock.advance(1);
    expect(await answer).toBe('from dep_2');
    expect(ends[0]).toMatchObject({ deploymentId: 'dep_1', code: 'upstream_timeout' });
    expect(backend('dep_1').signals[0]!.aborted).toBe(true);
  });

  it('takes out a deployment that never answers what is not streamed', async () => {
    await deploy('dep_1');
    backend('dep_1').answer = stalling();
    for (let call = 0; call < BREAKER_FAILURES; call++) {
      const answer = ask(never, whole);
      answer.catch(() => undefined);
      await settled();
      clock.advance(LIMITS.wholeAnswerMs);
      await expect(answer).rejects.toMatchObject({ code: 'upstream_timeout', httpStatus: 504 });
    }
    expect(fleet.list()[0]!.breaker.state).toBe('open');
  });

  it('ends an answer that is not streamed at the deadline of its call, if that comes first, and tries nowhere else', async () => {
    await deploy('dep_1', 'dep_2');
    backend('dep_1').answer = stalling();
    const deadline = new AbortController();
    const answer = ask(deadline.signal, whole);
    answer.catch(() => undefined);
    await settled();
    clock.advance(LIMITS.wholeAnswerMs - 1);
    deadline.abort(new ServiceError('deadline_exceeded', 'too long'));
    await expect(answer).rejects.toMatchObject({ code: 'deadline_exceeded' });
    expect(backend('dep_2').calls).toHaveLength(0);
    expect(fleet.list()[0]!.breaker.state).toBe('closed');
  });

  it.each([['a stream', true, LIMITS.firstTokenMs], ['a whole answer', false, LIMITS.wholeAnswerMs]])('begins a further attempt at %s while the call is not much older than one attempt may become', async (_, stream, limitMs) => {
    for (const [ms, answers] of [[limitMs + RETRY_GRACE_MS, true], [limitMs + RETRY_GRACE_MS + 1, false]] as const) {
      await deploy('dep_1', 'dep_2');
      const gate = Promise.withResolvers<void>();
      backend('dep_1').answer = async function* () {
        await gate.promise;
        throw new ServiceError('upstream_error', 'broke late');
      };
      const answer = ask(never, { call: chatCall('m', stream) });
      answer.catch(() => undefined);
      await settled();
      clock.advance(ms);
      gate.resolve();
      if (answers) expect(await answer).toBe('from dep_2');
      else await expect(answer).rejects.toMatchObject({ code: 'upstream_error' });
      await deploy();
    }
  });

  it('asks no other deployment when there is no room here for the answer, blames nobody, and goes on as before', async () => {
    await deploy('dep_1', 'dep_2');
    backend('dep_1').answer = async function* () {
      using room = new WholeAnswers(1).begin();
      room.take(2);
    };
    for (let call = 0; call < BREAKER_FAILURES + 1; call++) await expect(ask(never, whole)).rejects.toMatchObject({ code: 'overloaded', httpStatus: 503 });
    expect(backend('dep_2').calls).toHaveLength(0);
    expect(fleet.list().map(({ breaker, isResting, reason }) => [breaker.state, isResting, reason])).toEqual([['closed', false, ''], ['closed', false, '']]);
    expect(failed).toEqual([]);
  });

  it('ends a stream that falls silent, and cancels it at the backend', async () => {
    await deploy('dep_1', 'dep_2');
    backend('dep_1').answer = stalling('x');
    const answer = ask();
    answer.catch(() => undefined);
    await settled();
    clock.advance(LIMITS.idleMs);
    await expect(answer).rejects.toMatchObject({ code: 'upstream_timeout' });
    expect(backend('dep_1').signals[0]!.aborted).toBe(true);
  });

  it('cancels at the backend at once when the caller leaves, tries nowhere else, and blames nobody', async () => {
    await deploy('dep_1', 'dep_2');
    backend('dep_1').answer = stalling();
    const leave = new AbortController();
    const answer = ask(leave.signal);
    answer.catch(() => undefined);
    await settled();
    leave.abort(new ServiceError('cancelled', 'left'));
    expect(backend('dep_1').signals[0]!.aborted).toBe(true);
    await expect(answer).rejects.toMatchObject({ code: 'cancelled' });
    expect(backend('dep_2').calls).toHaveLength(0);
    expect(fleet.list().map(({ inFlight, breaker }) => [inFlight, breaker.state])).toEqual([[0, 'closed'], [0, 'closed']]);
  });

  it('lets running calls end on a deployment that is taken away, and sends it no new ones', async () => {
    await deploy('dep_1');
    const gate = Promise.withResolvers<void>();
    backend('dep_1').answer = async function* () {
      yield [text('one')];
      await gate.promise;
      yield [text('two')];
    };
    const old = backend('dep_1');
    const running = route();
    await running.next();
    await deploy('dep_2');
    expect(await ask()).toBe('from dep_2');
    expect([old.isClosed, fleet.list().length]).toEqual([false, 2]);
    gate.resolve();
    expect((await running.next()).value).toEqual([text('two')]);
    expect((await running.next()).done).toBe(true);
    expect([old.isClosed, fleet.list().length]).toEqual([true, 1]);
  });

  it('replaces a deployment whose target or credential changed, and keeps one that did not', async () => {
    await deploy('dep_1');
    const first = backend('dep_1');
    await deploy('dep_1');
    expect(backend('dep_1')).toBe(first);
    fleet.reconcile([deployment('dep_1', { credential: 'new' })]);
    expect(backend('dep_1')).not.toBe(first);
    expect(first.isClosed).toBe(true);
  });

  it('sends nothing to a deployment that fails its health check, until it passes again', async () => {
    await deploy('dep_1');
    const health = backend('dep_1');
    health.probeOutcome = () => Promise.reject(new ServiceError('backend_unavailable', 'away'));
    for (let probe = 0; probe < 3; probe++) {
      clock.advance(5000);
      await settled();
    }
    await expect(ask()).rejects.toMatchObject({ code: 'backend_unavailable' });
    health.probeOutcome = () => Promise.resolve();
    clock.advance(PROBE_PERIOD_DOWN_MS);
    await settled();
    expect(await ask()).toBe('from dep_1');
  });

  it.each<Code>(['upstream_rate_limited', 'overloaded'])('leaves a deployment that says %s alone for as long as it asked', async (code) => {
    await deploy('dep_1', 'dep_2');
    backend('dep_1').answer = failing(new ServiceError(code, 'slow down', { retryAfterSeconds: 3 }));
    await ask();
    await ask();
    expect(backend('dep_1').calls).toHaveLength(1);
    clock.advance(3000);
    await settled();
    await ask();
    expect(backend('dep_1').calls).toHaveLength(2);
  });

  it('closes everything at the end', async () => {
    await deploy('dep_1', 'dep_2');
    await fleet.close();
    expect([...calls.backends.values()].every(({ isClosed }) => isClosed)).toBe(true);
    await expect(ask()).rejects.toMatchObject({ code: 'backend_unavailable' });
  });
});
