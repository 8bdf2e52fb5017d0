import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { chmodSync, existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { runCli } from '../testing/run-cli.ts';
import { isRunning, UpHouse } from '../testing/up-house.ts';

const LONG_MS = 300_000;
/** Exit code and signal of a platform that stopped as it was asked to. */
const ENDED = [0, null];

describe('sluice up', () => {
  let house: UpHouse;
  beforeEach(() => {
    house = new UpHouse();
  });
  afterEach(async () => house.dispose());

  it('starts, says what is needed, stops all it started on Ctrl-C, and finds the same keys and data again', async () => {
    const first = await house.start();
    expect(first.output()).toContain(first.ready.apiKey);
    expect(first.output()).toContain('No model answers yet');
    expect(first.output()).not.toContain('warn:');
    expect((await fetch(`${first.ready.url}/healthz`)).status).toBe(200);
    expect(await runCli(['key', 'create', 'kept', '--data', house.data])).toMatchObject({ code: 0 });
    const second = await runCli(house.words());
    expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining(`in use by process ${first.child.pid}`) });
    expect(statSync(join(house.data, 'models')).mode & 0o777).toBe(0o700);
    const database = house.postgresPid()!;
    expect(await house.interrupt(first)).toEqual(ENDED);
    expect(first.output()).toContain('Stopped.');
    expect([isRunning(database), existsSync(join(house.parent, 'ready.json')), existsSync(join(house.data, 'running.json')), existsSync(join(house.data, 'lock'))]).toEqual([false, false, false, false]);
    const again = await house.start();
    expect([again.ready.apiKey, again.ready.adminKey]).toEqual([first.ready.apiKey, first.ready.adminKey]);
    expect((await runCli(['key', 'list', '--data', house.data])).stdout).toContain('kept');
    expect(await house.interrupt(again)).toEqual(ENDED);
  }, LONG_MS);

  it('recovers by itself after kill -9 of the whole group, with the database left running', async () => {
    const killed = await house.start();
    expect(await runCli(['audit', 'verify', '--data', house.data], { env: house.state })).toMatchObject({ code: 0 });
    const database = house.postgresPid()!;
    await house.kill(killed.child);
    expect(isRunning(database)).toBe(true);
    const again = await house.start();
    expect(again.ready.apiKey).toBe(killed.ready.apiKey);
    expect(isRunning(database)).toBe(false);
    const verified = await runCli(['audit', 'verify', '--data', house.data], { env: house.state });
    expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining('continues the') });
    expect(await house.interrupt(again)).toEqual(ENDED);
  }, LONG_MS);

  it('is backed up while it runs and when it is stopped; a restored platform verifies and has its keys', async () => {
    const running = await house.start();
    expect(await runCli(['backup', join(house.parent, 'hot'), '--data', house.data])).toMatchObject({ code: 0 });
    for (const [target, text] of [['hot', 'not an empty folder'], ['data/copy', 'lies in the data folder'], ['ready.json/copy', 'is not a folder'], ['../../proc/copy', 'takes no folders']] as const) {
      expect(await runCli(['backup', join(house.parent, target), '--data', house.data])).toMatchObject({ code: 1, stderr: expect.stringContaining(text) });
    }
    expect(await house.interrupt(running)).toEqual(ENDED);
    expect(await runCli(['backup', join(house.parent, 'cold'), '--data', house.data])).toMatchObject({ code: 0 });
    for (const copy of ['hot', 'cold']) {
      expect(await runCli(['restore', join(house.parent, copy), '--data', house.data])).toMatchObject({ code: 1, stderr: expect.stringContaining('not empty') });
      expect(await runCli(['restore', join(house.parent, copy), '--data', house.data, '--force'])).toMatchObject({ code: 0, stdout: expect.stringContaining('What was there is now') });
      const restored = await house.start();
      expect(restored.ready.adminKey).toBe(running.ready.adminKey);
      // The two copies go on in two ways, so what was seen of one is no history of the other.
      const verified = await runCli(['audit', 'verify', '--data', house.data], { env: { XDG_STATE_HOME: join(house.parent, `state of ${copy}`) } });
      expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining('The log verifies') });
      expect(await house.interrupt(restored)).toEqual(ENDED);
    }
  }, LONG_MS);

  it('refuses to start, and touches nothing, when a port is taken, the folder is newer or the root key is lost', async () => {
    const other = createServer();
    await once(other.listen(0, '127.0.0.1'), 'listening');
    const { port } = other.address() as AddressInfo;
    expect(await runCli(['up', '--data', house.data, '--port', String(port), '--admin-port', '0'])).toMatchObject({ code: 1, stderr: expect.stringContaining('is taken') });
    await new Promise((closed) => other.close(closed));
    expect(existsSync(house.data)).toBe(false);

    expect(await house.interrupt(await house.start())).toEqual(ENDED);
    const layout = readFileSync(join(house.data, 'layout.json'), 'utf8');
    writeFileSync(join(house.data, 'layout.json'), '{"version":99}');
    expect(await runCli(house.words())).toMatchObject({ code: 1, stderr: expect.stringContaining('newer Sluice') });
    writeFileSync(join(house.data, 'layout.json'), layout);
    renameSync(join(house.data, 'root.key'), join(house.parent, 'root.key'));
    expect(await runCli(house.words())).toMatchObject({ code: 1, stderr: expect.stringContaining('is lost') });
    expect(existsSync(join(house.data, 'root.key'))).toBe(false);
    renameSync(join(house.parent, 'root.key'), join(house.data, 'root.key'));
    chmodSync(join(house.data, 'root.key'), 0o644);
    expect(await runCli(house.words())).toMatchObject({ code: 1, stderr: expect.stringContaining('chmod 600') });
    expect(house.postgresPid()).toBeUndefined();
  }, LONG_MS);
});
