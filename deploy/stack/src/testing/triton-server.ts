import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { processEnvironment } from '@sluice/config';
import { clearAfter } from '../commands/stop-one.ts';
import { untilItAnswers } from '../engines/ask-engine.ts';
import { triton, type FillModels } from '../engines/triton.ts';
import { bringTriton } from '../packages/triton-wheel.ts';
import { HOST, portsAt } from '../ports.ts';
import { endProcess } from '../processes/end-process.ts';
import { startEngine, type EngineProcess } from '../processes/engine-process.ts';
import { stackFolder } from '../folder/stack-folder.ts';

const READY_DEADLINE_MS = 120_000;
const PORTS = [21_000, 31_000] as const;

/** Where packages are kept, as `sluice stack up` keeps them: a test brings nothing that is there. */
export const PACKAGE_CACHE = join(processEnvironment['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'sluice', 'stack');

/** A real Triton for tests, on ports of its own, without the rest of the stack. */
export class TritonServer {
  readonly #parent: string;
  #server: EngineProcess;
  readonly #start: () => Promise<EngineProcess>;
  /** Ends what it may leave behind. */
  readonly #clear: () => Promise<void>;
  /** `host:port` of its gRPC. */
  readonly grpc: string;
  readonly metrics: string;
  /** The folder whose models it serves. */
  readonly repository: string;

  private constructor(parent: string, repository: string, ports: { readonly grpc: number; readonly metrics: number }, start: () => Promise<EngineProcess>, clear: () => Promise<void>, server: EngineProcess) {
    this.#parent = parent;
    this.#start = start;
    this.#clear = clear;
    this.#server = server;
    this.repository = repository;
    this.grpc = `${HOST}:${ports.grpc}`;
    this.metrics = `http://${HOST}:${ports.metrics}/metrics`;
  }

  /** Starts it with the models that `fill` makes, and resolves when all are ready. */
  static async start(fill: FillModels): Promise<TritonServer> {
    const parent = await mkdtemp(join(tmpdir(), 'sluice-triton-'));
    const folder = stackFolder(parent);
    const [grpc, http, metrics] = [await freePort(), await freePort(), await freePort()];
    const ports = { ...portsAt(0), tritonGrpc: grpc, tritonHttp: http, tritonMetrics: metrics };
    const engine = triton({ folder, ports, models: undefined, fill, bring: async (...asked) => bringTriton(PACKAGE_CACHE, ...asked) });
    await mkdir(folder.logs, { recursive: true });
    const command = await engine.prepare(() => undefined, new AbortController().signal);
    const start = async (): Promise<EngineProcess> => {
      const server = await startEngine(command, folder.lockOf('triton'), folder.logOf('triton'));
      let hasEnded = false;
      void server.exited.then(() => (hasEnded = true));
      const answer = await untilItAnswers(engine, performance.now() + READY_DEADLINE_MS, () => !hasEnded);
      if (!answer.ok) throw new Error(`Triton is not ready: ${answer.why}\n${await readFile(folder.logOf('triton'), 'utf8')}`);
      return server;
    };
    return new TritonServer(parent, folder.models, { grpc, metrics }, start, async () => clearAfter(engine, folder), await start());
  }

  get pid(): number {
    return this.#server.pid;
  }

  /** Ends it at once, with all that it started. */
  async kill(): Promise<void> {
    await endProcess(this.#server, 'SIGKILL', READY_DEADLINE_MS);
    await this.#clear();
  }

  async restart(): Promise<void> {
    this.#server = await this.#start();
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#parent, { recursive: true, force: true });
  }
}

/** Any that is free, below those that systems give to outgoing connections: the server binds it only later. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(...PORTS);
    const server = createServer().listen({ host: HOST, port, exclusive: true });
    const isFree = await once(server, 'listening').then(() => true, () => false);
    if (!isFree) continue;
    await new Promise((closed) => server.close(closed));
    return port;
  }
}
