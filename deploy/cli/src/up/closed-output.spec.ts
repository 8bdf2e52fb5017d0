import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ApiServer } from '../testing/api-server.ts';
import { CLI_WORDS, cleanEnvironment } from '../testing/run-cli.ts';
import { isRunning, UpHouse } from '../testing/up-house.ts';

const LONG_MS = 300_000;

describe('a reader that leaves', () => {
  let house: UpHouse;
  beforeEach(() => {
    house = new UpHouse();
  });
  afterEach(async () => house.dispose());

  it('ends a list quietly', async () => {
    const api = new ApiServer();
    await api.listen();
    try {
      const key = { id: 'key_1', name: 'x'.repeat(400_000), kind: 'inference', role: null, project_id: 'p', prefix: 'sk', models: [], created_at: '', expires_at: null, revoked_at: null };
      api.on('GET /admin/v1/keys', { json: { object: 'list', data: [key], has_more: false } });
      const child = spawn(process.execPath, [...CLI_WORDS, 'key', 'list'], { env: cleanEnvironment(api.environment), stdio: ['ignore', 'pipe', 'pipe'] });
      let errors = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
      child.stdout.once('data', () => child.stdout.destroy());
      expect([...(await once(child, 'close')), errors]).toEqual([0, null, '']);
    } finally {
      await api.close();
    }
  }, LONG_MS);

  it('does not keep a platform from stopping all that it started', async () => {
    const running = await house.start();
    running.child.stdout!.destroy();
    running.child.stderr!.destroy();
    const database = house.postgresPid()!;
    expect(await house.interrupt(running)).toEqual([0, null]);
    expect(isRunning(database)).toBe(false);
  }, LONG_MS);
});
