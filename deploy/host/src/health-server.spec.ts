import { afterEach, describe, expect, it } from '@jest/globals';
import { Health, type HealthState } from '@sluice/lifecycle';
import { HealthServer } from './health-server.ts';

let server: HealthServer | undefined;
afterEach(async () => server?.stop());

async function start(state: () => HealthState, metrics = async (): Promise<string> => 'figures 1\n'): Promise<(path: string, method?: string) => Promise<{ status: number; body: string }>> {
  const health = new Health();
  health.register('part', state);
  server = new HealthServer({ health, metrics });
  const url = await server.listen('127.0.0.1', 0);
  return async (path, method = 'GET') => {
    const answer = await fetch(`${url}${path}`, { method });
    return { status: answer.status, body: await answer.text() };
  };
}

describe('the health of a process', () => {
  it('is alive from the beginning, ready while it runs and no part is down', async () => {
    let state: HealthState = { status: 'ok' };
    const get = await start(() => state);
    expect([(await get('/livez')).status, (await get('/readyz')).status]).toEqual([200, 503]);
    server!.running();
    expect(await get('/readyz')).toEqual({ status: 200, body: '{"status":"ok","checks":{"part":{"status":"ok"}}}' });
    state = { status: 'degraded', detail: 'slow' };
    expect(await get('/readyz?verbose')).toEqual({ status: 200, body: '{"status":"degraded","checks":{"part":{"status":"degraded","detail":"slow"}}}' });
    state = { status: 'down' };
    expect((await get('/readyz')).status).toBe(503);
    state = { status: 'ok' };
    server!.draining();
    expect([(await get('/livez')).status, await get('/readyz')]).toEqual([200, { status: 503, body: '{"status":"draining","checks":{"part":{"status":"ok"}}}' }]);
  });

  it('shows the figures, and nothing else', async () => {
    const get = await start(() => ({ status: 'ok' }));
    expect(await get('/metrics')).toEqual({ status: 200, body: 'figures 1\n' });
    expect([(await get('/')).status, (await get('/livez', 'POST')).status]).toEqual([404, 405]);
  });

  it('answers also where figures cannot be collected', async () => {
    const get = await start(() => ({ status: 'ok' }), async () => Promise.reject(new Error('secret')));
    const { status, body } = await get('/metrics');
    expect([status, body.includes('secret')]).toEqual([500, false]);
  });
});
