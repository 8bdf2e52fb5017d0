import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { preflight } from '../up/preflight.ts';
import type { StartPlace } from '../up/start-place.ts';
import { readCredentials, writeCredentials } from './credentials.ts';
import { dataFolder, type DataFolder } from './data-folder.ts';
import { LAYOUT_VERSION, writeLayout } from './layout.ts';
import { lockHolder, takeLock } from './lock.ts';
import { writePrivateFile } from './private-file.ts';
import { isAlive, ownIdentity } from './process-identity.ts';

const CONFIG = { rootKeyFile: undefined, databaseUrl: undefined };
const FREE = [{ host: '127.0.0.1', port: 0, option: '--port' }];

describe('the data folder', () => {
  let parent: string;
  let folder: DataFolder;
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'sluice-data-'));
    folder = dataFolder(join(parent, 'data'));
    mkdirSync(folder.root);
  });
  afterEach(() => rmSync(parent, { recursive: true, force: true }));

  const files = (): string[] => readdirSync(folder.root, { recursive: true }).map(String).toSorted();

  it('is locked by a living process only: a second taker is told who has it, a killed one leaves nothing behind', async () => {
    const lock = takeLock(folder.lock);
    expect(() => takeLock(folder.lock)).toThrow(`in use by process ${process.pid}`);
    expect(lockHolder(folder.lock)?.pid).toBe(process.pid);
    lock.release();
    expect(files()).toEqual([]);

    const holder = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const stat = readFileSync(`/proc/${holder.pid}/stat`, 'utf8');
    const started = `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
    writePrivateFile(folder.lock, JSON.stringify({ pid: holder.pid, started }));
    expect(() => takeLock(folder.lock)).toThrow(`in use by process ${holder.pid}`);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    expect(lockHolder(folder.lock)).toBeUndefined();
    takeLock(folder.lock).release();
  });

  it('is not held by a process that only got the same number again, nor by a torn lock', () => {
    for (const stale of [JSON.stringify({ ...ownIdentity(), started: 'another time' }), '{"pid":', '']) {
      writeFileSync(folder.lock, stale);
      const lock = takeLock(folder.lock);
      expect(lockHolder(folder.lock)).toEqual(ownIdentity());
      lock.release();
      expect(files()).toEqual([]);
    }
    expect(isAlive({ pid: 2 ** 22 + 1, started: 'x' })).toBe(false);
  });

  it('goes to exactly one of many takers of a stale lock', async () => {
    writeFileSync(folder.lock, JSON.stringify({ pid: process.pid, started: 'another time' }));
    const script = join(parent, 'taker.ts');
    writeFileSync(script, `import { takeLock } from ${JSON.stringify(new URL('./lock.ts', import.meta.url).href)};
      try { takeLock(${JSON.stringify(folder.lock)}); process.send('taken'); process.on('message', () => process.exit(0)); } catch { process.send('refused'); process.exit(0); }`);
    const words = ['--conditions=@sluice/source', '--import', new URL('../../../host/source-loader.mjs', import.meta.url).href];
    const takers = Array.from({ length: 5 }, () => fork(script, { execArgv: words, stdio: 'ignore' }));
    const answers = await Promise.all(takers.map(async (taker) => (await once(taker, 'message'))[0] as string));
    for (const taker of takers) taker.kill('SIGKILL');
    expect(answers.toSorted()).toEqual(['refused', 'refused', 'refused', 'refused', 'taken']);
  });

  it('keeps its keys for its owner alone and replaces files as a whole', () => {
    const keys = { apiKey: 'sk-sluice-a', adminKey: 'sk-sluice-admin-b' };
    writeCredentials(folder, keys);
    expect(readCredentials(folder)).toEqual(keys);
    expect(statSync(folder.credentials).mode & 0o777).toBe(0o600);
    expect(files()).toEqual(['credentials.json']);
    writeFileSync(folder.credentials, '{"apiKey":"sk-sluice-secret"');
    expect(() => readCredentials(folder)).toThrow(/damaged/);
    expect(() => readCredentials(folder)).not.toThrow(/secret/);
  });

  describe('before a start', () => {
    const check = async (listeners = FREE, config: Partial<StartPlace> = {}): Promise<void> => preflight({ folder, ...CONFIG, ...config }, listeners);
    const makeDatabase = (): void => {
      mkdirSync(folder.postgres);
      writeFileSync(join(folder.postgres, 'PG_VERSION'), '18\n');
    };

    it('is fine when new, and when whole', async () => {
      await check();
      await preflight({ folder: dataFolder(join(parent, 'a', 'b')), ...CONFIG }, FREE);
      expect(existsSync(join(parent, 'a'))).toBe(false);
      makeDatabase();
      writeLayout(folder);
      writeCredentials(folder, { apiKey: 'a', adminKey: 'b' });
      writePrivateFile(folder.rootKey, 'k'.repeat(32));
      await check();
    });

    it('is refused when a newer Sluice wrote it', async () => {
      writeFileSync(folder.layout, JSON.stringify({ version: LAYOUT_VERSION + 1 }));
      await expect(check()).rejects.toThrow('newer Sluice');
    });

    it('is refused when its root key is lost, or the first keys of its database', async () => {
      makeDatabase();
      await expect(check()).rejects.toThrow(/root key .* is lost/);
      await expect(check(FREE, { rootKeyFile: join(parent, 'none') })).rejects.toThrow('SLUICE_ROOT_KEY_FILE');
      writePrivateFile(folder.rootKey, 'k'.repeat(32));
      await expect(check()).rejects.toThrow(/first keys .* are lost[^]*cp -p BACKUP\/credentials\.json .*\/credentials\.json\n/);
    });

    it('is refused when it is in use', async () => {
      const lock = takeLock(folder.lock);
      await expect(check()).rejects.toThrow('in use by process');
      lock.release();
    });

    it('is refused when a port is taken, and touches nothing then', async () => {
      const other = createServer();
      await once(other.listen(0, '127.0.0.1'), 'listening');
      const { port } = other.address() as AddressInfo;
      await expect(check([{ host: '127.0.0.1', port, option: '--admin-port' }])).rejects.toThrow(/taken .* --admin-port/);
      await new Promise((closed) => other.close(closed));
      await expect(check([{ host: '192.0.2.1', port: 0, option: '--port' }])).rejects.toThrow('no address of this machine');
      expect(files()).toEqual([]);
    });

    it('is refused when it holds other things, and not when a first start was killed in it', async () => {
      for (const name of ['lock.1.ab.new', 'sluice.log', 'layout.json.7.cd.new', 'lost+found']) writeFileSync(join(folder.root, name), '');
      await check();
      writeFileSync(join(folder.root, 'thesis.txt'), '');
      const before = files();
      await expect(check()).rejects.toThrow('holds other things');
      expect(files()).toEqual(before);
      writeLayout(folder);
      await check();
    });

    it('is refused when it is a file', async () => {
      writeFileSync(join(parent, 'file'), '');
      await expect(preflight({ folder: dataFolder(join(parent, 'file', 'x')), ...CONFIG }, FREE)).rejects.toThrow('not a folder');
    });
  });
});
