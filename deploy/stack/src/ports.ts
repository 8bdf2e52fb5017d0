import { once } from 'node:events';
import { createServer } from 'node:net';
import { StackError } from './stack-error.ts';

/** Address of every engine: the stack is for this machine, and Kafka asks nobody who they are. */
export const HOST = '127.0.0.1';

/** Every port of the stack, below the range that systems give to outgoing connections. */
export interface Ports {
  /** Of broker 1, 2, 3. */
  readonly kafka: readonly number[];
  /** Of the same brokers' controllers. */
  readonly controllers: readonly number[];
  readonly postgres: number;
  readonly redis: number;
  readonly tritonHttp: number;
  readonly tritonGrpc: number;
  readonly tritonMetrics: number;
}

const FIRST: Ports = {
  kafka: [19_092, 19_094, 19_096],
  controllers: [19_093, 19_095, 19_097],
  postgres: 15_432,
  redis: 16_379,
  tritonHttp: 18_000,
  tritonGrpc: 18_001,
  tritonMetrics: 18_002,
};

/** Between the ports of one stack and those of the next on the same machine. No two engines' ports are equal modulo this. */
export const OFFSET_STEP = 100;
const STACKS_AT_MOST = 20;

/** The ports of the stack with this offset, a multiple of `OFFSET_STEP`; 0 has the ones that are documented. */
export function portsAt(offset: number): Ports {
  const moved = (port: number): number => port + offset;
  return {
    kafka: FIRST.kafka.map(moved),
    controllers: FIRST.controllers.map(moved),
    postgres: moved(FIRST.postgres),
    redis: moved(FIRST.redis),
    tritonHttp: moved(FIRST.tritonHttp),
    tritonGrpc: moved(FIRST.tritonGrpc),
    tritonMetrics: moved(FIRST.tritonMetrics),
  };
}

export interface FreeOffset {
  readonly offset: number;
  /** The port for which the preferred one could not be had. */
  readonly taken: number | undefined;
}

/** The first offset whose ports are all free, `preferred` before all others. @throws StackError when there is none */
export async function freeOffset(preferred = 0): Promise<FreeOffset> {
  const takenThere = await firstTaken(preferred);
  if (takenThere === undefined) return { offset: preferred, taken: undefined };
  for (const offset of Array.from({ length: STACKS_AT_MOST }, (_, index) => index * OFFSET_STEP)) {
    if (offset !== preferred && (await firstTaken(offset)) === undefined) return { offset, taken: takenThere };
  }
  throw new StackError(`No ports are free for another stack: ${STACKS_AT_MOST} ranges were tried. Stop one that is no longer needed.`);
}

/** What is told when a stack has to leave its ports. */
export function portsMoved(taken: number, before: number, now: number): string {
  return `ports moved by ${now - before}, because ${taken} is taken by another program (PostgreSQL is at ${portsAt(now).postgres} now, Kafka at ${portsAt(now).kafka[0]}, Redis at ${portsAt(now).redis}, Triton at ${portsAt(now).tritonGrpc}). Deployments and settings with an address of before (PostgreSQL at ${portsAt(before).postgres}) do not reach this stack; it keeps the new ports for later starts.`;
}

async function firstTaken(offset: number): Promise<number | undefined> {
  for (const port of Object.values(portsAt(offset)).flat()) {
    if (!(await isFree(port))) return port;
  }
  return undefined;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listening = once(server, 'listening').then(() => true, () => false);
  server.listen({ host: HOST, port, exclusive: true });
  const free = await listening;
  if (free) await new Promise((closed) => server.close(closed));
  return free;
}
