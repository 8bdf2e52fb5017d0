import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { aborted, ScriptedBackend, settled } from '../testing/scripted-backend.ts';
import { HealthCheck } from './health-check.ts';
import { PROBE_FAILURES, PROBE_PERIOD_DOWN_MS, PROBE_PERIOD_MS, PROBE_TIMEOUT_MS } from './limits.ts';

describe('a health check', () => {
  let clock: ManualClock;
  let backend: ScriptedBackend;
  let health: HealthCheck;
  const refuse = () => Promise.reject(new ServiceError('backend_unavailable', 'It is away.'));
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await settled();
  };
  beforeEach(() => {
    clock = new ManualClock();
    backend = new ScriptedBackend();
    health = new HealthCheck(backend, clock, () => undefined);
  });
  afterEach(() => health.stop());

  it('asks at once, then at its pace', async () => {
    health.start();
    expect([backend.probes, health.status]).toEqual([1, 'unknown']);
    await settled();
    expect(health.status).toBe('up');
    await pass(PROBE_PERIOD_MS - 1);
    expect(backend.probes).toBe(1);
    await pass(1);
    expect(backend.probes).toBe(2);
  });

  it('is down at the first failure when it was never up, says why, and asks faster', async () => {
    backend.probeOutcome = refuse;
    health.start();
    await settled();
    expect([health.status, health.reason]).toEqual(['down', 'It is away.']);
    backend.probeOutcome = () => Promise.resolve();
    await pass(PROBE_PERIOD_DOWN_MS);
    expect([health.status, health.reason]).toEqual(['up', '']);
  });

  it('is down at once when a call found the backend dead, and asks soon whether it lives', async () => {
    health.start();
    await settled();
    health.lost(new ServiceError('backend_unavailable', 'It died.'));
    expect([health.status, health.reason]).toEqual(['down', 'It died.']);
    backend.probeOutcome = refuse;
    await pass(PROBE_PERIOD_DOWN_MS);
    expect([backend.probes, health.status]).toEqual([2, 'down']);
    backend.probeOutcome = () => Promise.resolve();
    await pass(PROBE_PERIOD_DOWN_MS);
    expect([health.status, health.reason]).toEqual(['up', '']);
    health.stop();
    health.lost(new ServiceError('backend_unavailable', 'Too late.'));
    await pass(PROBE_PERIOD_MS);
    expect(backend.probes).toBe(3);
  });

  it('forgives one failure of a backend that was up', async () => {
    health.start();
    await settled();
    backend.probeOutcome = refuse;
    await pass(PROBE_PERIOD_MS);
    expect(health.status).toBe('up');
    for (let failure = 1; failure < PROBE_FAILURES; failure++) await pass(PROBE_PERIOD_DOWN_MS);
    expect(health.status).toBe('down');
  });

  it('takes a check without an answer for a failed one', async () => {
    backend.probeOutcome = async (signal) => {
      await aborted(signal);
      throw signal.reason;
    };
    health.start();
    await pass(PROBE_TIMEOUT_MS);
    expect(health.status).toBe('down');
  });

  it('says nothing of an error that is not of the house', async () => {
    backend.probeOutcome = () => Promise.reject(new Error('connect to http://user:secret@host'));
    health.start();
    await settled();
    expect(health.reason).not.toContain('secret');
  });

  it('is up when a call was answered', async () => {
    backend.probeOutcome = refuse;
    health.start();
    await settled();
    health.answered();
    expect(health.status).toBe('up');
  });

  it('asks no more when stopped, also when a check is under way', async () => {
    backend.probeOutcome = async (signal) => {
      await aborted(signal);
      throw signal.reason;
    };
    health.start();
    health.stop();
    await settled();
    await pass(PROBE_PERIOD_MS * 3);
    expect(backend.probes).toBe(1);
  });
});
