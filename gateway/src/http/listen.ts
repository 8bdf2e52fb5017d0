import type { FastifyInstance, FastifyListenOptions } from 'fastify';

/** A listener could not be opened; the message says how to mend it. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/** Where to listen. */
export interface ListenAt {
  readonly host: string;
  readonly port: number;
  /** Other processes listen there too, and each connection goes to one of them. */
  readonly shared: boolean;
  /** Names the setting that says which port. */
  readonly setting: string;
}

/** Opens a listener and gives its URL. @throws ListenError */
export async function listen(server: FastifyInstance, at: ListenAt): Promise<string> {
  const { host, port, shared } = at;
  try {
    return await server.listen({ host, port, ...(shared && { reusePort: true }) } as FastifyListenOptions);
  } catch (thrown) {
    throw listenError(thrown, at);
  }
}

export function listenError(thrown: unknown, at: ListenAt): ListenError {
  return new ListenError(explain(thrown, at), { cause: thrown });
}

function explain(thrown: unknown, { host, port, shared, setting }: ListenAt): string {
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined;
  if (shared && (code === 'ENOTSUP' || code === 'EINVAL')) return 'Several processes cannot share a port on this system (it is for Linux): leave SLUICE_SHARE_PORTS out and give each its own.';
  if (code === 'EADDRINUSE') return `Port ${port} of ${host} is taken by another process. Stop it, or choose another port with ${setting}.`;
  if (code === 'EACCES') return `Port ${port} of ${host} may not be opened by this user. Choose a port above 1023 with ${setting}.`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return `${host} is not an address of this machine.`;
  return `Port ${port} of ${host} cannot be opened (${String(code ?? 'unknown reason')}).`;
}
