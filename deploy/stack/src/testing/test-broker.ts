import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { processEnvironment } from '@sluice/config';
import { untilItAnswers } from '../engines/ask-engine.ts';
import type { Engine } from '../engines/engine.ts';
import { kafka } from '../engines/kafka.ts';
import { stackFolder } from '../folder/stack-folder.ts';
import { bringKafka } from '../packages/kafka-jars.ts';
import { HOST, portsAt } from '../ports.ts';

const READY_LIMIT_MS = 120_000;

/** Ends the broker, and removes what it held, with the process that started it, however that ends: the kernel closes the pipe that it reads from. */
const GUARD = 'cat >/dev/null; kill -9 "$1" 2>/dev/null; sleep 1; rm -rf "$2"';

/** A real broker of one node, for one test file. Nothing that is missing on the machine is passed over. */
export class TestBroker {
  readonly address: string;
  readonly #root: string;
  #engine: Engine;
  readonly #anew: () => Engine;
  #process: ChildProcess | undefined;

  private constructor(root: string, anew: () => Engine) {
    this.#root = root;
    this.#anew = anew;
    this.#engine = anew();
    this.address = this.#engine.address;
  }

  static async start(): Promise<TestBroker> {
    const root = await mkdtemp(join(tmpdir(), 'sluice-broker-'));
    const folder = stackFolder(root);
    await mkdir(folder.logs);
    const ports = { ...portsAt(0), kafka: [await freePort()], controllers: [await freePort()] };
    const cache = join(processEnvironment['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'sluice', 'stack');
    const broker = new TestBroker(root, () => kafka(1, { folder, ports, brokers: 1, clusterId: newClusterId(), bring: (say, signal) => bringKafka(cache, say, signal) }));
    await broker.startAgain();
    return broker;
  }

  /** Returns when it answers, with all that it held. */
  async startAgain(): Promise<void> {
    const { words, env, cwd } = await this.#engine.prepare(() => undefined, new AbortController().signal);
    const log = openSync(join(this.#root, 'logs', 'broker.log'), 'a');
    this.#process = spawn(words[0]!, words.slice(1), { cwd, env: { ...env }, stdio: ['ignore', log, log] });
    closeSync(log);
    const guard = spawn('sh', ['-c', GUARD, 'sh', String(this.#process.pid), this.#root], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
    guard.unref();
    // A pipe to a child is a socket, and only the handle can be kept from holding the process.
    (guard.stdin as unknown as { unref(): void }).unref();
    this.#process.once('exit', () => guard.kill('SIGKILL'));
    let isEnded = false;
    void once(this.#process, 'exit').then(() => { isEnded = true; });
    const answer = await untilItAnswers(this.#engine, performance.now() + READY_LIMIT_MS, () => !isEnded);
    if (!answer.ok) throw new Error(`the broker does not answer: ${answer.why}`);
  }

  /** Kills it, loses all that it held, and starts one of another cluster at the same address. */
  async startAnew(): Promise<void> {
    await this.stop('SIGKILL');
    await rm(stackFolder(this.#root).engine(this.#engine.name), { recursive: true, force: true });
    this.#engine = this.#anew();
    await this.startAgain();
  }

  /** SIGTERM hands over what it leads and closes its log; SIGKILL does not. Returns when it is gone. */
  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  /** Ends it and removes what it held. */
  async end(): Promise<void> {
    await this.stop('SIGKILL');
    await rm(this.#root, { recursive: true, force: true });
  }
}

function newClusterId(): string {
  return Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url');
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}
