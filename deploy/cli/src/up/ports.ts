import { createServer } from 'node:net';
import { once } from 'node:events';
import { isErrno } from '../data-folder/private-file.ts';
import { CommandFailed } from '../exit-code.ts';

export interface Listener {
  readonly host: string;
  readonly port: number;
  /** The option that says which port; named in the error. */
  readonly option: string;
}

/** Refuses a port on which this process could not listen, before anything is touched. Port 0 is always free. */
export async function checkPorts(listeners: readonly Listener[]): Promise<void> {
  for (const listener of listeners) await checkPort(listener);
}

async function checkPort({ host, port, option }: Listener): Promise<void> {
  const probe = createServer();
  try {
    await once(probe.listen({ host, port, exclusive: true }), 'listening');
  } catch (error) {
    throw new CommandFailed(explain(error, host, port, option));
  } finally {
    await new Promise<void>((closed) => probe.close(() => closed()));
  }
}

function explain(error: unknown, host: string, port: number, option: string): string {
  if (isErrno(error, 'EADDRINUSE')) return `Port ${port} of ${host} is taken by another program. Stop that one, or give another port with ${option}.`;
  if (isErrno(error, 'EACCES')) return `This user may not listen on port ${port}. Give one above 1023 with ${option}.`;
  if (isErrno(error, 'EADDRNOTAVAIL') || isErrno(error, 'ENOTFOUND')) return `${host} is no address of this machine. Give another with --host.`;
  return `${host}:${port} cannot be listened on (${error instanceof Error ? error.message : String(error)}).`;
}
