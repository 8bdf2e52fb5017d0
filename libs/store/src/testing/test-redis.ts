import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createClient } from 'redis';

export { createPatientStore } from './patient-store.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const START_LIMIT_MS = 10_000;
/** On a machine that does not have it, the package comes first. */
const BRING_LIMIT_MS = 300_000;

/** Run in a process of its own: libraries do not import what composes them. */
const BRING = `
const { bringRedis } = await import('./deploy/stack/src/packages/redis-debs.ts');
const { homedir } = await import('node:os');
const cache = (process.env.XDG_CACHE_HOME || homedir() + '/.cache') + '/sluice/stack';
process.stdout.write(JSON.stringify(await bringRedis(cache, () => undefined, AbortSignal.timeout(${BRING_LIMIT_MS}))));
`;

/** A real Redis for tests, of the version that the stack runs, on a socket of its own. */
export class TestRedis implements AsyncDisposable {
  readonly url: string;
  readonly #words: readonly string[];
  readonly #libraries: string | undefined;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  private constructor(server: string, libraries: string | undefined, sync: 'everysec' | 'always') {
    this.#folder = mkdtempSync(join(tmpdir(), 'sluice-redis-'));
    const socket = join(this.#folder, 'socket');
    this.url = `unix://${socket}`;
    this.#words = [server, '--port', '0', '--unixsocket', socket, '--dir', this.#folder, '--appendonly', 'yes', '--appendfsync', sync, '--save', '', '--maxmemory-policy', 'noeviction'];
    this.#libraries = libraries;
  }

  /** @param sync when it writes to its disk what it must not lose; `everysec`, as in production, may lose the last seconds when it is killed */
  static async start(sync: 'everysec' | 'always' = 'everysec'): Promise<TestRedis> {
    const { server, libraries } = await broughtRedis();
    const redis = new TestRedis(server, libraries, sync);
    await redis.resume();
    return redis;
  }

  /** Starts it on what it has, or lets it go on. Resolves when it answers. */
  async resume(): Promise<void> {
    if (this.#process) this.#process.kill('SIGCONT');
    else {
      const [server, ...words] = this.#words;
      this.#process = spawn(server!, words, { stdio: 'ignore', env: { ...(this.#libraries !== undefined && { LD_LIBRARY_PATH: this.#libraries }) } });
    }
    const endMs = performance.now() + START_LIMIT_MS;
    while (!(await this.#answers())) {
      if (performance.now() > endMs) throw new Error('Redis did not start');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Kills it; it comes back with what it had written. */
  async kill(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    running.kill('SIGKILL');
    await once(running, 'exit');
  }

  /** Kills it; it comes back with nothing. */
  async lose(): Promise<void> {
    await this.kill();
    rmSync(join(this.#folder, 'appendonlydir'), { recursive: true, force: true });
  }

  /** It accepts connections, and answers nothing. */
  freeze(): void {
    this.#process!.kill('SIGSTOP');
  }

  /** Says something to it, as anybody can. */
  async ask(...words: string[]): Promise<unknown> {
    const client = createClient({ url: this.url, RESP: 2, socket: { reconnectStrategy: false } });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await client.sendCommand(words);
    } finally {
      if (client.isOpen) client.destroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #answers(): Promise<boolean> {
    return (await this.ask('PING').catch(() => undefined)) === 'PONG';
  }
}

async function broughtRedis(): Promise<{ readonly server: string; readonly libraries?: string }> {
  const words = ['--conditions=@sluice/source', '--import', './deploy/host/source-loader.mjs', '--input-type=module', '--eval', BRING];
  const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: ROOT });
  return JSON.parse(stdout) as { server: string; libraries?: string };
}
