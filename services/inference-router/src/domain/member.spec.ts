import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { ServiceError, type Code } from '@sluice/errors';
import { ScriptedBackend, settled } from '../testing/scripted-backend.ts';
import { BackendFault, LostBackend } from './backend-fault.ts';
import { BREAKER_FAILURES, BREAKER_OPEN_MS, PROBE_PERIOD_DOWN_MS } from './limits.ts';
import { Member } from './member.ts';

const deployment = { id: 'dep_1', modelId: 'm', versionId: 'v', protocol: 'openai' as const, target: 'http://x', upstreamModel: 'u', weightsPath: '', digest: '', credential: undefined, placement: 'inside' as const, managed: false, signature: undefined };

function member() {
  const clock = new ManualClock();
  const drained: Member[] = [];
  const backend = new ScriptedBackend();
  return { clock, drained, backend, it: new Member(deployment, backend, clock, (who) => drained.push(who)) };
}

function call(on: Member, error?: ServiceError): void {
  on.end(on.begin(), error);
}

describe('Member', () => {
  it('is taken out by failures in a row, and says why without content', () => {
    const { it: subject } = member();
    for (let failure = 0; failure < BREAKER_FAILURES; failure++) {
      expect(subject.isHealthy).toBe(true);
      call(subject, new ServiceError('upstream_error', 'The backend broke the connection.'));
    }
    expect({ healthy: subject.isHealthy, reason: subject.reason }).toEqual({ healthy: false, reason: 'The backend broke the connection.' });
  });

  it('tells the last failure while it still takes calls, as precisely as may be, until a call is answered', () => {
    const { it: subject } = member();
    call(subject, new ServiceError('upstream_error', "The model's backend failed.", { cause: new BackendFault('The backend refused the credential (HTTP 401).', 401) }));
    expect([subject.isHealthy, subject.reason]).toEqual([true, 'The backend refused the credential (HTTP 401).']);
    call(subject, new ServiceError('cancelled', 'left'));
    expect(subject.reason).not.toBe('');
    call(subject);
    expect(subject.reason).toBe('');
  });

  it('is taken out by one call that found it dead, until a check passes', async () => {
    const { it: subject, clock } = member();
    subject.health.start();
    await settled();
    call(subject, new ServiceError('backend_unavailable', 'It died.', { cause: new LostBackend('Its process died.') }));
    expect([subject.isHealthy, subject.reason]).toEqual([false, 'Its process died.']);
    clock.advance(PROBE_PERIOD_DOWN_MS);
    await settled();
    expect(subject.isHealthy).toBe(true);
    subject.retire();
  });

  it('takes a call as soon as a check passes that failed before, however long its breaker would stay open', async () => {
    const { it: subject, clock, backend } = member();
    backend.probeOutcome = () => Promise.reject(new ServiceError('backend_unavailable', 'It is away.'));
    subject.health.start();
    await settled();
    for (let failure = 0; failure < 3 * BREAKER_FAILURES; failure++) call(subject, new ServiceError('backend_unavailable', 'It is away.'));
    expect(subject.isHealthy).toBe(false);
    backend.probeOutcome = () => Promise.resolve();
    clock.advance(PROBE_PERIOD_DOWN_MS);
    await settled();
    expect(subject.isHealthy).toBe(true);
    subject.retire();
  });

  it('keeps its breaker open where checks go on passing while calls fail', async () => {
    const { it: subject, clock } = member();
    subject.health.start();
    await settled();
    for (let failure = 0; failure < BREAKER_FAILURES; failure++) call(subject, new ServiceError('upstream_error', 'It fails.', { cause: new LostBackend('Its process died.') }));
    clock.advance(PROBE_PERIOD_DOWN_MS);
    await settled();
    expect([subject.health.status, subject.isHealthy]).toEqual(['up', false]);
    subject.retire();
  });

  it('is not blamed for what was wrong with the request, nor for a client that left', () => {
    const { it: subject } = member();
    for (let round = 0; round < 3 * BREAKER_FAILURES; round++) {
      call(subject, new ServiceError('upstream_refused', 'no', { upstream: { status: 400, type: 't', code: null, param: null } }));
      call(subject, new ServiceError('cancelled', 'left'));
      call(subject, new ServiceError('context_length_exceeded', 'long'));
    }
    expect({ healthy: subject.isHealthy, inFlight: subject.inFlight, reason: subject.reason }).toEqual({ healthy: true, inFlight: 0, reason: '' });
  });

  it.each<Code>(['upstream_rate_limited', 'overloaded'])('rests for as long as the backend asked for with %s, and is not taken for broken', (code) => {
    const { it: subject, clock } = member();
    for (let round = 0; round < 3 * BREAKER_FAILURES; round++) call(subject, new ServiceError(code, 'slow down', { retryAfterSeconds: 3 }));
    expect({ resting: subject.isResting, healthy: subject.isHealthy, breaker: subject.breaker.state }).toEqual({ resting: true, healthy: true, breaker: 'closed' });
    clock.advance(3000);
    expect(subject.isResting).toBe(false);
  });

  it.each<Code>(['unsupported_parameter', 'invalid_value', 'context_length_exceeded', 'cancelled'])('is not healed by %s, which may never have reached the backend', async (code) => {
    const { it: subject, clock, backend } = member();
    backend.probeOutcome = () => Promise.reject(new ServiceError('backend_unavailable', 'away'));
    subject.health.start();
    await settled();
    for (let failure = 1; failure < BREAKER_FAILURES; failure++) call(subject, new ServiceError('upstream_error', 'dead'));
    call(subject, new ServiceError(code, 'not this way'));
    call(subject, new ServiceError('upstream_error', 'dead'));
    expect([subject.breaker.state, subject.health.status]).toEqual(['open', 'down']);
    clock.advance(BREAKER_OPEN_MS);
    call(subject, new ServiceError(code, 'not this way'));
    expect([subject.breaker.state, subject.health.status]).toEqual(['half-open', 'down']);
    subject.retire();
  });

  it('is healed by a refusal in the words of the backend', () => {
    const { it: subject, clock } = member();
    for (let failure = 0; failure < BREAKER_FAILURES; failure++) call(subject, new ServiceError('upstream_error', 'dead'));
    clock.advance(BREAKER_OPEN_MS);
    call(subject, new ServiceError('upstream_refused', 'no', { upstream: { status: 400, type: 't', code: null, param: null } }));
    expect([subject.breaker.state, subject.health.status]).toEqual(['closed', 'up']);
  });

  it.each<Code>(['model_not_installed', 'failed_precondition', 'internal'])('is taken out by %s, which is the fault of the deployment', (code) => {
    const { it: subject } = member();
    for (let failure = 0; failure < BREAKER_FAILURES; failure++) call(subject, new ServiceError(code, 'unusable'));
    expect(subject.isHealthy).toBe(false);
  });

  it('takes calls again with the first event of a trial, also when its check still fails', async () => {
    const { it: subject, clock, backend } = member();
    backend.probeOutcome = () => Promise.reject(new ServiceError('backend_unavailable', 'away'));
    for (let failure = 0; failure < BREAKER_FAILURES; failure++) call(subject, new ServiceError('upstream_error', 'dead'));
    clock.advance(BREAKER_OPEN_MS);
    const trial = subject.begin();
    subject.health.start();
    await settled();
    expect([subject.isHealthy, subject.health.status]).toEqual([false, 'down']);
    subject.answering(trial);
    expect([subject.isHealthy, subject.health.status, subject.breaker.state]).toEqual([true, 'up', 'closed']);
    subject.end(trial, new ServiceError('upstream_error', 'broke off'));
    expect([subject.isHealthy, subject.breaker.state]).toEqual([false, 'open']);
    subject.retire();
  });

  it('is drained once, when it is retired and its last call has ended', () => {
    const { it: subject, drained } = member();
    const attempts = [subject.begin(), subject.begin()];
    subject.retire();
    subject.retire();
    subject.end(attempts[0]!, undefined);
    expect(drained).toEqual([]);
    subject.end(attempts[1]!, undefined);
    expect(drained).toEqual([subject]);
  });
});
