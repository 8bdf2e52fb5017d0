import { describe, expect, it } from '@jest/globals';
import { Health, type HealthState } from './health.ts';

describe('Health', () => {
  it('is as bad as its worst part and names each', () => {
    const health = new Health();
    let log: HealthState = { status: 'ok' };
    health.register('log', () => log);
    health.register('access', () => ({ status: 'degraded', detail: 'replica is 2 s old' }));
    expect(health.report()).toEqual({ status: 'degraded', checks: { log: { status: 'ok' }, access: { status: 'degraded', detail: 'replica is 2 s old' } } });
    log = { status: 'down' };
    expect(health.report().status).toBe('down');
  });

  it('is ok without parts and refuses a name twice', () => {
    const health = new Health();
    expect(health.report()).toEqual({ status: 'ok', checks: {} });
    health.register('log', () => ({ status: 'ok' }));
    expect(() => health.register('log', () => ({ status: 'ok' }))).toThrow('registered twice');
  });
});
