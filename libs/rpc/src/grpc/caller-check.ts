import type { AuthContext } from '@grpc/grpc-js/build/src/auth-context.js';
import { ServiceError } from '@sluice/errors';
import { checkPeerIdentity } from '@sluice/certificates/identity';

/** A process has one or two certificates at a time, and a mesh has some hundreds of processes. */
const KNOWN_LIMIT = 1_000;

/** Throws `insufficient_permissions` unless the caller's certificate names one of the services that may call; without such a list everyone may. */
export function callerCheck(service: string, callers: readonly string[] | undefined): (call: { getAuthContext(): AuthContext }) => void {
  if (callers === undefined) return () => undefined;
  // Reading a certificate costs more than most calls, and it is the same one for all calls of a connection.
  const known = new Map<string, boolean>();
  const isCaller = (raw: Buffer): boolean => callers.some((name) => checkPeerIdentity(raw, name) === undefined);
  return (call) => {
    const { sslPeerCertificate: certificate } = call.getAuthContext();
    const mark = certificate?.fingerprint512;
    let may = mark !== undefined && known.get(mark);
    if (certificate && mark !== undefined && may === undefined) {
      may = isCaller(certificate.raw);
      if (known.size >= KNOWN_LIMIT) known.clear();
      known.set(mark, may);
    }
    if (!may) throw new ServiceError('insufficient_permissions', `The certificate of the caller names no service that may call ${service}.`);
  };
}
