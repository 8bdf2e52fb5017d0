import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Ready } from '../up/ready-file.ts';
import { CLI_WORDS, cleanEnvironment } from './run-cli.ts';

const READY_DEADLINE_MS = 120_000;
const GONE_DEADLINE_MS = 60_000;

export interface Running {
  readonly child: ChildProcess;
  readonly ready: Ready;
  output(): string;
}

/** A folder with a data folder in it, and the platforms that a test starts there with `sluice up`. */
export class UpHouse {
  readonly parent = mkdtempSync(join(tmpdir(), 'sluice-up-'));
  readonly data = join(this.parent, 'data');
  readonly #groups = new Set<ChildProcess>();

  /** Of `up` on free ports and without a model. */
  words(...more: string[]): string[] {
    return [...this.#up, '--no-model', ...more];
  }

  get #up(): string[] {
    return ['up', '--data', this.data, '--port', '0', '--admin-port', '0'];
  }

  /** What `audit verify` remembers stays in the folder. */
  get state(): Record<string, string> {
    return { XDG_STATE_HOME: join(this.parent, 'state') };
  }

  /** Resolves when the platform is ready; with `model`, after it has tried to bring the demonstration model. */
  async start(env: Readonly<Record<string, string>> = {}, { model }: { readonly model: boolean } = { model: false }): Promise<Running> {
    const file = join(this.parent, 'ready.json');
    rmSync(file, { force: true });
    const child = spawn(process.execPath, [...CLI_WORDS, ...(model ? this.#up : this.words()), '--ready-file', file], { env: cleanEnvironment(env), stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    this.#groups.add(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    const untilMs = performance.now() + READY_DEADLINE_MS;
    // What it says to people comes right after what it writes for programs.
    while (!existsSync(file) || !output.includes('Ctrl-C stops it')) {
      if (child.exitCode !== null || performance.now() > untilMs) throw new Error(`not ready: ${output}`);
      await pause(20);
    }
    if ((statSync(file).mode & 0o777) !== 0o600) throw new Error('others may read the ready file');
    return { child, ready: JSON.parse(readFileSync(file, 'utf8')) as Ready, output: () => output };
  }

  /** Ctrl-C; gives the exit code and the signal, when all that was printed has been read too. */
  async interrupt({ child }: Running): Promise<unknown[]> {
    const ended = once(child, 'close');
    child.kill('SIGINT');
    return ended;
  }

  async kill(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    process.kill(-child.pid!, 'SIGKILL');
    await ended;
  }

  postgresPid(): number | undefined {
    const file = join(this.data, 'postgres', 'postmaster.pid');
    return existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : undefined;
  }

  async dispose(): Promise<void> {
    for (const child of this.#groups) await this.kill(child);
    const pid = this.postgresPid();
    if (pid !== undefined && isRunning(pid)) process.kill(pid, 'SIGQUIT');
    const untilMs = performance.now() + GONE_DEADLINE_MS;
    while (pid !== undefined && isRunning(pid) && performance.now() < untilMs) await pause(10);
    rmSync(this.parent, { recursive: true, force: true });
  }
}

/** An ended process whose parent has not looked yet does not run any more. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
