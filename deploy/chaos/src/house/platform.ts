import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { LAUNCHER, runSluice, type Ran } from '@sluice/cli/testing';
import { eventually } from './eventually.ts';

const START_LIMIT_MS = 180_000;
const ANSWER_LIMIT_MS = 5_000;
/** What it printed last, for who wants to know why it did not start. */
const PRINTED_CHARACTERS = 10_000;

interface Ready {
  readonly url: string;
  readonly adminUrl: string;
  readonly apiKey: string;
  readonly adminKey: string;
}

/** A `sluice mesh up` in a folder of its own. */
export class Platform implements AsyncDisposable {
  readonly ready: Ready;
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #environment: Readonly<Record<string, string | undefined>>;

  private constructor(ready: Ready, folder: string, child: ChildProcess, environment: Readonly<Record<string, string | undefined>>) {
    this.ready = ready;
    this.#folder = folder;
    this.#child = child;
    this.#environment = environment;
  }

  /** Starts it on a stack; `environment` holds its settings. */
  static async start(folder: string, stack: string, environment: Readonly<Record<string, string | undefined>>): Promise<Platform> {
    const readyFile = join(folder, 'ready.json');
    rmSync(readyFile, { force: true });
    const own = { ...environment, SLUICE_DATA: join(folder, 'data'), XDG_STATE_HOME: join(folder, 'state') };
    const files = ['--data', own.SLUICE_DATA, '--stack', stack, '--ready-file', readyFile, '--pids', join(folder, 'pids.json')];
    const child = spawn(LAUNCHER, ['mesh', 'up', '--no-model', '--port', '0', '--admin-port', '0', ...files], { detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: own });
    let printed = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (part: string) => (printed = (printed + part).slice(-PRINTED_CHARACTERS)));
    await eventually('the start of the mesh', START_LIMIT_MS, async () => existsSync(readyFile) || child.exitCode !== null);
    if (!existsSync(readyFile)) throw new Error(`mesh up ended with ${child.exitCode}: ${printed}`);
    return new Platform(JSON.parse(readFileSync(readyFile, 'utf8')) as Ready, folder, child, own);
  }

  get pids(): Readonly<Record<string, number>> {
    return JSON.parse(readFileSync(join(this.#folder, 'pids.json'), 'utf8')) as Record<string, number>;
  }

  /** Every process says that it can do its work. */
  async isReady(): Promise<boolean> {
    const { ports } = JSON.parse(readFileSync(join(this.#folder, 'data', 'mesh.json'), 'utf8')) as { ports: Readonly<Record<string, number>> };
    const health = Object.entries(ports).filter(([name]) => name.endsWith(' health'));
    const answers = await Promise.all(health.map(async ([, port]) => statusOf(`http://127.0.0.1:${port}/readyz`)));
    return answers.every((status) => status === 200);
  }

  async command(...args: string[]): Promise<Ran> {
    return runSluice(args, { ...this.#environment, SLUICE_URL: this.ready.url, SLUICE_ADMIN_URL: this.ready.adminUrl, SLUICE_ADMIN_KEY: this.ready.adminKey, SLUICE_API_KEY: this.ready.apiKey });
  }

  /** One request to the admin API. @throws with what it said when it refuses */
  async admin<T>(method: string, path: string, body?: object): Promise<T> {
    const answer = await fetch(`${this.ready.adminUrl}/admin/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${this.ready.adminKey}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGINT');
    await gone;
  }
}

async function statusOf(url: string): Promise<number> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) }).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.status ?? 0;
}
