import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LAUNCHER, runSluice, type Ran } from '@sluice/cli/testing';
import { processEnvironment } from '@sluice/config';
import { freePort } from './free-port.ts';
import { eventually, type House } from './house.ts';
import { signalIfThere } from './signal-if-there.ts';

const START_LIMIT_MS = 120_000;

interface Ready {
  readonly url: string;
  readonly adminUrl: string;
  readonly apiKey: string;
  readonly adminKey: string;
  readonly pid: number;
}

/** `sluice up` on a data folder of its own, as a process group of its own. */
export class AllInOneHouse implements House {
  readonly url: string;
  readonly adminUrl: string;
  readonly grpcAddress: string;
  readonly doors: readonly string[];
  apiKey = '';
  adminKey = '';
  readonly eventLog = {
    pause: () => this.#signalEventLog('SIGSTOP'),
    resume: () => this.#signalEventLog('SIGCONT'),
    kill: () => this.#signalEventLog('SIGKILL'),
  };
  /** All that the house keeps at rest. */
  readonly dataFolder: string;
  readonly #folder: string;
  readonly #settings: Readonly<Record<string, string>>;
  readonly #args: readonly string[];
  #diskSize: string | undefined;
  #child: ChildProcess | undefined;
  #printed = '';

  private constructor(folder: string, port: number, adminPort: number, grpcPort: number, args: readonly string[], settings: Readonly<Record<string, string>>) {
    this.#folder = folder;
    this.dataFolder = join(folder, 'data');
    this.#settings = { ...settings, SLUICE_GRPC_PORT: String(grpcPort) };
    this.grpcAddress = `127.0.0.1:${grpcPort}`;
    this.url = `http://127.0.0.1:${port}`;
    this.doors = [this.url];
    this.adminUrl = `http://127.0.0.1:${adminPort}`;
    this.#args = ['up', '--port', String(port), '--admin-port', String(adminPort), '--data', this.dataFolder, '--ready-file', join(folder, 'ready.json'), ...args];
  }

  /**
   * `args` are further options of `up`, `settings` its environment. With `diskSize` the data folder is a disk of its own,
   * in a mount namespace that only the house sees.
   */
  static async make(args: readonly string[], settings: Readonly<Record<string, string>> = {}, { diskSize }: { readonly diskSize?: string } = {}): Promise<AllInOneHouse> {
    if (diskSize !== undefined) requireNamespaces();
    const house = await AllInOneHouse.#empty(args, settings);
    house.#diskSize = diskSize;
    await house.start().catch(async (failure: unknown) => {
      await house[Symbol.asyncDispose]();
      throw failure;
    });
    return house;
  }

  /** A house with other addresses and another data folder, made from a backup. */
  static async restored(backup: string): Promise<AllInOneHouse> {
    const house = await AllInOneHouse.#empty([], {});
    const { code, stderr } = await house.command('restore', backup);
    if (code !== 0) throw new Error(`restore ended with ${code}: ${stderr}`);
    await house.start();
    return house;
  }

  static async #empty(args: readonly string[], settings: Readonly<Record<string, string>>): Promise<AllInOneHouse> {
    return new AllInOneHouse(await mkdtemp(join(tmpdir(), 'sluice-house-')), await freePort(), await freePort(), await freePort(), args, settings);
  }

  async start(): Promise<void> {
    rmSync(join(this.#folder, 'ready.json'), { force: true });
    this.#printed = '';
    const [file, ...args] = this.#diskSize === undefined ? [LAUNCHER, ...this.#args] : onOwnDisk(this.dataFolder, this.#diskSize, [LAUNCHER, ...this.#args]);
    const child = spawn(file!, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: this.#environment() });
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (part: string) => (this.#printed = (this.#printed + part).slice(-10_000)));
    this.#child = child;
    const readyFile = join(this.#folder, 'ready.json');
    await eventually(async () => existsSync(readyFile) || child.exitCode !== null, START_LIMIT_MS);
    if (!existsSync(readyFile)) throw new Error(`up ended with ${child.exitCode}: ${this.#printed}`);
    const ready = JSON.parse(readFileSync(readyFile, 'utf8')) as Ready;
    this.apiKey = ready.apiKey;
    this.adminKey = ready.adminKey;
  }

  /** The data folder as this process reaches it, also when it lies on a disk of the house's own. */
  get dataFolderFromOutside(): string {
    return this.#diskSize === undefined ? this.dataFolder : `/proc/${this.#child!.pid}/root${this.dataFolder}`;
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGINT');
    await once(child, 'exit');
  }

  async kill(what: { readonly eventLog: boolean }): Promise<void> {
    const child = this.#child!;
    const gone = once(child, 'exit');
    if (what.eventLog) this.eventLog.kill();
    process.kill(-child.pid!, 'SIGKILL');
    await gone;
  }

  pause(): void {
    process.kill(-this.#child!.pid!, 'SIGSTOP');
  }

  resume(): void {
    process.kill(-this.#child!.pid!, 'SIGCONT');
  }

  async command(...args: string[]): Promise<Ran> {
    return runSluice(args, { ...this.#environment(), SLUICE_URL: this.url, SLUICE_ADMIN_URL: this.adminUrl, SLUICE_ADMIN_KEY: this.adminKey, SLUICE_API_KEY: this.apiKey });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Everything the house and its commands remember lies in its own folder. */
  #environment(): Record<string, string | undefined> {
    return { ...processEnvironment, ...this.#settings, SLUICE_DATA: this.dataFolder, XDG_STATE_HOME: join(this.#folder, 'state') };
  }

  /** PostgreSQL: the first process and its children, so that a pause leaves none of them at work. */
  #signalEventLog(signal: NodeJS.Signals): void {
    const [first] = readFileSync(join(this.dataFolderFromOutside, 'postgres', 'postmaster.pid'), 'utf8').split('\n');
    const pid = Number(first);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
    for (const each of [pid, ...children]) signalIfThere(each, signal);
  }
}

const IN_NAMESPACE = ['unshare', '--user', '--map-root-user', '--mount'] as const;

/** Throws with the way to mend it where this user may make no disk of its own. */
function requireNamespaces(): void {
  const [file, ...args] = IN_NAMESPACE;
  const tried = spawnSync(file, [...args, 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()], { encoding: 'utf8' });
  if (tried.status === 0) return;
  const said = tried.error?.message ?? tried.stderr.trim();
  throw new Error(
    `A disk of a few MiB, to fill it, needs unprivileged user namespaces, and this machine gives none (${said}). ` +
      'Install unshare and mount (util-linux), and allow the namespaces: sysctl -w user.max_user_namespaces=15000, and where they exist ' +
      'kernel.unprivileged_userns_clone=1 and kernel.apparmor_restrict_unprivileged_userns=0; in a container, run it with a seccomp profile that has unshare and mount.',
  );
}

/** A command with a small file system of its own at a folder; needs user namespaces, not root. */
function onOwnDisk(folder: string, size: string, command: readonly string[]): string[] {
  return [...IN_NAMESPACE, 'sh', '-ec', 'mkdir -p "$0"; mount -t tmpfs -o "size=$1,mode=0700" tmpfs "$0"; shift; exec "$@"', folder, size, ...command];
}
