import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runSluice } from '@sluice/cli/testing';
import type { StackFile } from '@sluice/stack';
import { rewriteBrokers } from '../proxy/kafka-addresses.ts';
import { TcpProxy } from '../proxy/tcp-proxy.ts';
import { writeModels } from './model-repository.ts';
import { signal, withChildren } from './signal.ts';

const HOST = '127.0.0.1';

/** The servers of a stack, each with a proxy before it, and the supervisor that starts again what died. */
export class Servers implements AsyncDisposable {
  /** By engine. */
  readonly proxies = new Map<string, TcpProxy>();
  readonly #size: readonly string[];
  readonly #data: string;
  readonly #models: string;
  readonly #viaProxies: string;
  readonly #environment: Readonly<Record<string, string | undefined>>;

  private constructor(folder: string, threeBrokers: boolean, environment: Readonly<Record<string, string | undefined>>) {
    this.#size = threeBrokers ? [] : ['--small'];
    this.#data = join(folder, 'stack');
    this.#models = join(folder, 'models');
    this.#viaProxies = join(folder, 'stack-via-proxies');
    this.#environment = environment;
  }

  /** Starts a stack in the folder, with three brokers or with one. */
  static async start(folder: string, threeBrokers: boolean, environment: Readonly<Record<string, string | undefined>>): Promise<Servers> {
    const servers = new Servers(folder, threeBrokers, { ...environment, PATH: `${withoutDocker(folder)}:${environment['PATH']}` });
    writeModels(servers.#models);
    await servers.up();
    await servers.#openProxies();
    return servers;
  }

  /** For `mesh up --stack`: the same servers, at the addresses of their proxies. */
  get viaProxies(): string {
    return this.#viaProxies;
  }

  get names(): string[] {
    return Object.keys(this.#file.engines);
  }

  /** `host:port` of Triton's gRPC, at its proxy. */
  get triton(): string {
    return `${HOST}:${this.proxies.get('triton')!.port}`;
  }

  /** Of Kafka, past the proxies. */
  get brokers(): string {
    return Object.entries(this.#file.engines).filter(([name]) => isBroker(name)).map(([, { address }]) => address).join(',');
  }

  /** Starts what does not run; resolves when all answer. */
  async up(): Promise<void> {
    const { code, stderr } = await runSluice(['stack', 'up', ...this.#size, '--models', this.#models, '--data', this.#data], this.#environment);
    if (code !== 0) throw new Error(`stack up ended with ${code}: ${stderr}`);
  }

  kill(name: string): void {
    for (const pid of withChildren(this.#file.engines[name]!.pid)) signal(pid, 'SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const proxy of this.proxies.values()) await proxy[Symbol.asyncDispose]();
    const { code, stderr } = await runSluice(['stack', 'reset', '--yes', '--data', this.#data], this.#environment);
    if (code !== 0) throw new Error(`the stack was not taken away: ${stderr}`);
  }

  get #file(): StackFile {
    return JSON.parse(readFileSync(join(this.#data, 'stack.json'), 'utf8')) as StackFile;
  }

  async #openProxies(): Promise<void> {
    const file = this.#file;
    const brokers: { host: string; port: number; proxyPort: number }[] = [];
    const changeAnswers = (): ((bytes: Buffer) => Buffer) => rewriteBrokers(brokers);
    const engines = { ...file.engines };
    for (const name of this.names) {
      const port = portOf(engines[name]!.address);
      const proxy = await TcpProxy.open({ host: HOST, port, ...(isBroker(name) && { changeAnswers }) });
      this.proxies.set(name, proxy);
      if (isBroker(name)) brokers.push({ host: HOST, port, proxyPort: proxy.port });
      engines[name] = { ...engines[name]!, address: engines[name]!.address.replace(`:${port}`, `:${proxy.port}`) };
    }
    mkdirSync(this.#viaProxies, { mode: 0o700 });
    writeFileSync(join(this.#viaProxies, 'stack.json'), JSON.stringify({ ...file, engines }), { mode: 0o600 });
  }
}

function isBroker(name: string): boolean {
  return name.startsWith('kafka');
}

/** Faults are done to processes of this machine, so that an engine of Docker is not used where one runs. */
function withoutDocker(parent: string): string {
  const folder = join(parent, 'without-docker');
  mkdirSync(folder);
  writeFileSync(join(folder, 'docker'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  return folder;
}

function portOf(address: string): number {
  return Number(/:(\d+)(?:\/|$)/.exec(address)![1]);
}
