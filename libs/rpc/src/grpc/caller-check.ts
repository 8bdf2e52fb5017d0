import type { AuthContext } from '@grpc/grpc-js/build/src/auth-context.js';
import { ServiceError } from '@sluice/errors';
import { checkPeerIdentity } from '@sluice/certificates/identity';

/** A process has one or two certificates at a time, and a mesh has some hundreds of processes. */
const KNOWN_LIMIT = 1_000;

type PeerCertificate = NonNullable<AuthContext['sslPeerCertificate']>;

/** As much of a call of grpc-js as tells who calls. */
export interface CallOfSomebody {
  getAuthContext(): AuthContext;
}

/** Throws `insufficient_permissions` unless the caller's certificate names one of the services that may call; without such a list everyone may. */
export type CallerCheck = (call: CallOfSomebody) => void;

export function callerCheck(service: string, callers: readonly string[] | undefined): CallerCheck {
  if (callers === undefined) return () => undefined;
  // Parsing a certificate costs more than most calls, and a process shows the same one on each of its connections.
  const known = new Map<string, boolean>();
  const isCaller = (raw: Buffer): boolean => callers.some((name) => checkPeerIdentity(raw, name) === undefined);
  return (call) => {
    const certificate = certificateOf(call);
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

const certificates = new WeakMap<object, PeerCertificate>();

/**
 * Read once a connection: TLS 1.3 knows no second handshake, and reading it costs 70 µs, more than all else of a short
 * call. grpc-js keeps the session of a call to itself; where another version has it elsewhere, each call is read anew.
 */
function certificateOf(call: CallOfSomebody): PeerCertificate | undefined {
  const { session } = (call as { readonly call?: { readonly stream?: { readonly session?: object } } }).call?.stream ?? {};
  let certificate = session && certificates.get(session);
  if (certificate) return certificate;
  certificate = call.getAuthContext().sslPeerCertificate;
  if (session && certificate) certificates.set(session, certificate);
  return certificate;
}
