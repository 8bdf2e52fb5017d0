import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { CommandFailed } from '../exit-code.ts';

/** Below the range from which systems take ports for outgoing connections: nothing takes it between this look and its use. */
const PORTS = { first: 20_000, end: 32_000 };
const MAX_ATTEMPTS = 1_000;

/** A port of an address that nobody listens at: the one that is wanted, if there is one and it is free. */
export async function freePort(host: string, wanted: number | undefined, taken: ReadonlySet<number>): Promise<number> {
  if (wanted !== undefined && !taken.has(wanted) && (await isFree(host, wanted))) return wanted;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const port = randomInt(PORTS.first, PORTS.end);
    if (!taken.has(port) && (await isFree(host, port))) return port;
  }
  throw new CommandFailed(`No free port was found on ${host}.`);
}

async function isFree(host: string, port: number): Promise<boolean> {
  const probe = createServer();
  try {
    await once(probe.listen({ host, port, exclusive: true }), 'listening');
    return true;
  } catch {
    return false;
  } finally {
    await new Promise<void>((closed) => probe.close(() => closed()));
  }
}
