import type { GrpcServer } from '@sluice/rpc/grpc';
import type { FastifyInstance } from 'fastify';

/** A listener could not be opened; the message says how to mend it. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/** Opens a listener and gives its URL. @throws ListenError */
export async function listen(server: FastifyInstance, host: string, port: number, setting: string): Promise<string> {
  try {
    return await server.listen({ host, port });
  } catch (thrown) {
    throw new ListenError(explain(thrown, host, port, setting), { cause: thrown });
  }
}

/** The same for gRPC; gives `host:port`. @throws ListenError */
export async function listenGrpc(server: GrpcServer, host: string, port: number, setting: string): Promise<string> {
  const shown = host.includes(':') ? `[${host}]` : host;
  try {
    return `${shown}:${await server.listen(`${shown}:${port}`)}`;
  } catch (thrown) {
    throw new ListenError(explain(thrown, host, port, setting), { cause: thrown });
  }
}

function explain(thrown: unknown, host: string, port: number, setting: string): string {
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined;
  if (code === 'EADDRINUSE') return `Port ${port} of ${host} is taken by another process. Stop it, or choose another port with ${setting}.`;
  if (code === 'EACCES') return `Port ${port} of ${host} may not be opened by this user. Choose a port above 1023 with ${setting}.`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return `${host} is not an address of this machine.`;
  return `Port ${port} of ${host} cannot be opened (${String(code ?? 'unknown reason')}).`;
}
