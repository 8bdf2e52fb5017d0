import { ServerCredentials } from '@grpc/grpc-js';
import type { CertificateFiles } from './certificate-files.ts';

/** Four round trips of a slow network, with room. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** Plain text without files; with them mutual TLS 1.3. */
export function serverCredentials(certificates: CertificateFiles | undefined): ServerCredentials {
  return certificates ? new RotatingServerCredentials(certificates) : ServerCredentials.createInsecure();
}

/** grpc-js has credentials of its own that watch files, but none that refuse TLS 1.2. */
class RotatingServerCredentials extends ServerCredentials {
  constructor(certificates: CertificateFiles) {
    super({ requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3', handshakeTimeout: HANDSHAKE_TIMEOUT_MS }, certificates.options);
    certificates.onChange(() => this.updateSecureContextOptions(certificates.options));
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}
