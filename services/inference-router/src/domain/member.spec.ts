import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { ScriptedBackend } from '../testing/scripted-backend.ts';
import { BREAKER_FAILURES } from './limits.ts';
import { Member } from './member.ts';

const deployment = { id: 'dep_1', modelId: 'm', versionId: 'v', protocol: 'openai' as const, target: 'http://x', upstreamModel: 'u', weightsPath: '', credential: undefined };

function member() {
  const clock = new ManualClock();
  const drained: Member[] = [];
  return { clock, drained, it: new Member(deployment, new ScriptedBackend(), clock, (who) => drained.push(who)) };
}

function call(on: Member, error?: ServiceError): void {
  on.begin();
  on.end(error);
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

  it('is not blamed for what was wrong with the request, nor for a client that left', () => {
    const { it: subject } = member();
    for (let round = 0; round < 3 * BREAKER_FAILURES; round++) {
      call(subject, new ServiceError('upstream_refused', 'no', { upstream: { status: 400, type: 't', code: null, param: null } }));
      call(subject, new ServiceError('cancelled', 'left'));
      call(subject, new ServiceError('context_length_exceeded', 'long'));
    }
    expect({ healthy: subject.isHealthy, inFlight: subject.inFlight, reason: subject.reason }).toEqual({ healthy: true, inFlight: 0, reason: '' });
  });

  it('rests for as long as the backend asked for', () => {
    const { it: subject, clock } = member();
    call(subject, new ServiceError('upstream_rate_limited', 'slow down', { retryAfterSeconds: 3 }));
    expect({ resting: subject.isResting, healthy: subject.isHealthy }).toEqual({ resting: true, healthy: true });
    clock.advance(3000);
    expect(subject.isResting).toBe(false);
  });

  it('is drained once, when it is retired and its last call has ended', () => {
    const { it: subject, drained } = member();
    subject.begin();
    subject.begin();
    subject.retire();
    subject.retire();
    subject.end(undefined);
    expect(drained).toEqual([]);
    subject.end(undefined);
    expect(drained).toEqual([subject]);
  });
});
