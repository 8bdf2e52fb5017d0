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

/** The first offset whose ports are all free, `preferred` before all others. @throws StackError when there is none */
export async function freeOffset(preferred = 0): Promise<number> {
  const all = Array.from({ length: STACKS_AT_MOST }, (_, index) => index * OFFSET_STEP);
  for (const offset of [preferred, ...all.filter((one) => one !== preferred)]) {
    if (await areFree(Object.values(portsAt(offset)).flat())) return offset;
  }
  throw new StackError(`No ports are free for another stack: ${STACKS_AT_MOST} ranges were tried. Stop one that is no longer needed.`);
}

async function areFree(ports: readonly number[]): Promise<boolean> {
  for (const port of ports) {
    if (!(await isFree(port))) return false;
  }
  return true;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listening = once(server, 'listening').then(() => true, () => false);
  server.listen({ host: HOST, port, exclusive: true });
  const free = await listening;
  if (free) await new Promise((closed) => server.close(closed));
  return free;
}
