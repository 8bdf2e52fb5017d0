import { spawn, type ChildProcess } from 'node:child_process';
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
/** The server behind the event log. */
const LOG_ENGINE = 'kafka-1';
const DATABASE_ENGINE = 'postgres';

interface Ready {
  readonly url: string;
  readonly adminUrl: string;
  readonly apiKey: string;
  readonly adminKey: string;
  readonly pid: number;
}

/** `sluice mesh up` on a stack and a data folder of its own. */
export class MeshHouse implements House {
  readonly url: string;
  readonly adminUrl: string;
  readonly grpcAddress: string;
  doors: readonly string[] = [];
  apiKey = '';
  adminKey = '';
  readonly eventLog = {
    pause: () => this.#signalEngine(LOG_ENGINE, 'SIGSTOP'),
    resume: () => this.#signalEngine(LOG_ENGINE, 'SIGCONT'),
    kill: () => {
      this.#signalEngine(LOG_ENGINE, 'SIGKILL');
      this.#keeper = this.#keeper.then(async () => this.#stackUp());
    },
  };
  /** The server of every table. Killed, it is away until it is started. */
  readonly database = {
    pause: () => this.#signalEngine(DATABASE_ENGINE, 'SIGSTOP'),
    kill: () => this.#signalEngine(DATABASE_ENGINE, 'SIGKILL'),
    start: () => this.#stackUp(),
  };
  readonly dataFolder: string;
  readonly stackFolder: string;
  readonly #folder: string;
  readonly #settings: Readonly<Record<string, string>>;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  #printed = '';
  /** Brings killed servers back, one after the other. */
  #keeper: Promise<void> = Promise.resolve();

  private constructor(folder: string, port: number, adminPort: number, grpcPort: number, settings: Readonly<Record<string, string>>) {
    this.#folder = folder;
    this.#settings = { ...settings, SLUICE_GRPC_PORT: String(grpcPort) };
    this.grpcAddress = `127.0.0.1:${grpcPort}`;
    this.dataFolder = join(folder, 'data');
    this.stackFolder = join(folder, 'stack');
    this.url = `http://127.0.0.1:${port}`;
    this.adminUrl = `http://127.0.0.1:${adminPort}`;
    const files = ['--data', this.dataFolder, '--stack', this.stackFolder, '--ready-file', this.#path('ready.json'), '--pids', this.#path('pids.json')];
    this.#args = ['mesh', 'up', '--port', String(port), '--admin-port', String(adminPort), '--no-model', ...files];
  }

  /** `settings` are its environment. */
  static async make(settings: Readonly<Record<string, string>>): Promise<MeshHouse> {
    const house = new MeshHouse(await mkdtemp(join(tmpdir(), 'sluice-mesh-')), await freePort(), await freePort(), await freePort(), settings);
    try {
      await house.#stackUp();
      await house.start();
      return house;
    } catch (failure) {
      await house[Symbol.asyncDispose]();
      throw failure;
    }
  }

  async start(): Promise<void> {
    await this.#keeper;
    const readyFile = this.#path('ready.json');
    rmSync(readyFile, { force: true });
    this.#printed = '';
    const child = (this.#child = spawn(LAUNCHER, this.#args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: this.#environment() }));
    for (const stream of [child.stdout!, child.stderr!]) stream.setEncoding('utf8').on('data', (part: string) => (this.#printed = (this.#printed + part).slice(-10_000)));
    await eventually(async () => existsSync(readyFile) || child.exitCode !== null, START_LIMIT_MS);
    if (!existsSync(readyFile)) throw new Error(`mesh up ended with ${child.exitCode}: ${this.#printed}`);
    const ready = JSON.parse(readFileSync(readyFile, 'utf8')) as Ready;
    this.apiKey = ready.apiKey;
    this.adminKey = ready.adminKey;
    const { ports } = JSON.parse(readFileSync(join(this.dataFolder, 'mesh.json'), 'utf8')) as { ports: Readonly<Record<string, number>> };
    this.doors = Object.entries(ports).filter(([name]) => name.endsWith(' direct')).map(([, port]) => `http://127.0.0.1:${port}`);
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
    // The supervisor first: it would start the others again.
    process.kill(-child.pid!, 'SIGKILL');
    const pids = Object.values(this.pids);
    for (const pid of pids) signalIfThere(pid, 'SIGKILL');
    await gone;
    await eventually(async () => pids.every((pid) => !this.isThere(pid)));
  }

  /** SIGKILL to the supervisor alone. */
  async killSupervisor(): Promise<void> {
    const child = this.#child!;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  isThere(pid: number): boolean {
    return existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  }

  pause(): void {
    for (const pid of this.#dataPlane) process.kill(pid, 'SIGSTOP');
  }

  resume(): void {
    for (const pid of this.#dataPlane) process.kill(pid, 'SIGCONT');
  }

  async command(...args: string[]): Promise<Ran> {
    return this.#run(args, { SLUICE_URL: this.url, SLUICE_ADMIN_URL: this.adminUrl, SLUICE_ADMIN_KEY: this.adminKey, SLUICE_API_KEY: this.apiKey });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#keeper;
    const { code, stderr } = await this.#run(['stack', 'reset', '--yes', '--data', this.stackFolder], {});
    if (code !== 0) throw new Error(`the stack was not taken away: ${stderr}`);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Starts the servers that do not run. */
  async #stackUp(): Promise<void> {
    const { code, stderr } = await this.#run(['stack', 'up', '--small', '--data', this.stackFolder], {});
    if (code !== 0) throw new Error(`stack up ended with ${code}: ${stderr}`);
  }

  async #run(args: readonly string[], settings: Readonly<Record<string, string>>): Promise<Ran> {
    return runSluice(args, { ...this.#environment(), ...settings });
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  /** Everything the house and its commands remember lies in its own folder. */
  #environment(): Record<string, string | undefined> {
    return { ...processEnvironment, ...this.#settings, SLUICE_DATA: this.dataFolder, XDG_STATE_HOME: this.#path('state') };
  }

  /** Of its processes, by their names. */
  get pids(): Readonly<Record<string, number>> {
    return JSON.parse(readFileSync(this.#path('pids.json'), 'utf8')) as Record<string, number>;
  }

  get #dataPlane(): number[] {
    return Object.entries(this.pids).filter(([name]) => name.startsWith('data-plane-')).map(([, pid]) => pid);
  }

  get brokers(): string {
    return this.#engine(LOG_ENGINE).address;
  }

  #engine(name: string): { readonly pid: number; readonly address: string } {
    const { engines } = JSON.parse(readFileSync(join(this.stackFolder, 'stack.json'), 'utf8')) as { engines: Readonly<Record<string, { pid: number; address: string }>> };
    return engines[name]!;
  }

  /** The first process and its children, so that a pause leaves none of them at work. */
  #signalEngine(engine: string, signal: NodeJS.Signals): void {
    const { pid } = this.#engine(engine);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
    for (const each of [pid, ...children]) signalIfThere(each, signal);
  }
}
