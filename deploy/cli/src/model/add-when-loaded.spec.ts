import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ApiServer, type Answer } from '../testing/api-server.ts';
import { CLI_WORDS, cleanEnvironment, runCli } from '../testing/run-cli.ts';

const WORDS = ['model', 'add', 'small', '--kserve', 'triton-1:8001', '--upstream-model', 'm', '--load'];
const ADDED = { object: 'model', id: 'model_1', name: 'small', created_at: '2026-11-22T10:00:00.000Z', aliases: [], versions: [{ id: 'ver_1', number: 1, digest: 'sha256:00', description: 'd', created_at: '2026-11-22T10:00:00.000Z' }], deployments: [] };
const refusal = (param: string, message: string): Answer => ({ status: 503, json: { error: { message, type: 'server_error', param, code: 'backend_unavailable' } } });
const LOADING = refusal('kserve.upstream_model', 'The server triton-1:8001 is still loading.');

describe('adding a model that its server loads', () => {
  let api: ApiServer;
  beforeEach(async () => {
    api = new ApiServer();
    await api.listen();
  });
  afterEach(async () => api.close());

  it('asks again while the server loads it, and no more when it is refused', async () => {
    api.on('POST /admin/v1/models', () => (api.seen.length < 4 ? LOADING : { status: 201, json: ADDED }));
    expect(await runCli(WORDS, { env: api.environment })).toEqual({ code: 0, stdout: 'added small, version 1\n', stderr: '' });
    expect(api.seen.map(({ body }) => body)).toEqual(Array.from({ length: 4 }, () => ({ name: 'small', kserve: { address: 'triton-1:8001', upstream_model: 'm', managed: true } })));
    api.on('POST /admin/v1/models', refusal('kserve.address', 'The server does not answer.'));
    expect(await runCli(WORDS, { env: api.environment })).toMatchObject({ code: 1, stderr: 'sluice: The server does not answer.\n' });
    expect(api.seen).toHaveLength(5);
  });

  it('says what goes on and how to look at it when the time is over, and when it is cancelled', async () => {
    api.on('POST /admin/v1/models', { never: true });
    const { code, stderr } = await runCli([...WORDS, '--timeout', '2'], { env: api.environment });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^triton-1:8001 loads m \(1 s\)\nsluice: triton-1:8001 did not have m loaded within 2 s\.\nThe server goes on loading it\. .*: sluice model list\n$/)]);

    const asked = new Promise<void>((reached) => void api.on('POST /admin/v1/models', () => (reached(), { never: true })));
    const child = spawn(process.execPath, [...CLI_WORDS, ...WORDS], { env: cleanEnvironment(api.environment), stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const ended = once(child, 'close');
    await Promise.race([asked, ended]);
    child.kill('SIGINT');
    expect(await ended).toEqual([1, null]);
    expect(said).toMatch(/sluice: cancelled\nThe server goes on loading it\. .*: sluice model list\n$/);
  });

  it('waits for nothing without --load, and no longer than an hour', async () => {
    expect(await runCli([...WORDS.slice(0, -1), '--timeout', '2'], { env: api.environment })).toMatchObject({ code: 2, stderr: expect.stringContaining('--load') });
    expect(await runCli([...WORDS, '--timeout', '1h'], { env: api.environment })).toMatchObject({ code: 2, stderr: expect.stringContaining('whole seconds') });
    expect(api.seen).toEqual([]);
  });
});
