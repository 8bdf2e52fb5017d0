import type { Socket } from 'node:net';
import { connect } from 'node:tls';
import { CallCredentials, ChannelCredentials, type experimental } from '@grpc/grpc-js';
import type { CertificateFiles } from './certificate-files.ts';
import { checkPeerIdentity } from '@sluice/certificates/identity';

export interface ChannelTls {
  readonly certificates: CertificateFiles;
  /** The service that the other side must prove to be: a name in its certificate as `spiffe://sluice/NAME`. */
  readonly peer: string;
}

/** Plain text without TLS settings; with them mutual TLS 1.3. */
export function channelCredentials(tls: ChannelTls | undefined): ChannelCredentials {
  return tls ? new RotatingChannelCredentials(tls) : ChannelCredentials.createInsecure();
}

/** Asks for the files' present content at each connection. grpc-js has credentials that do so too, but none that refuse TLS 1.2. */
class RotatingChannelCredentials extends ChannelCredentials {
  readonly #tls: ChannelTls;

  constructor(tls: ChannelTls) {
    super();
    this.#tls = tls;
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(_target: unknown, _options: unknown, callCredentials?: CallCredentials): experimental.SecureConnector {
    return {
      connect: (socket) => connectSecurely(socket, this.#tls),
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => callCredentials ?? CallCredentials.createEmpty(),
      destroy: () => undefined,
    };
  }
}

function connectSecurely(socket: Socket, { certificates, peer }: ChannelTls): Promise<experimental.SecureConnectResult> {
  return new Promise((resolve, reject) => {
    const secure = connect({
      socket,
      secureContext: certificates.context,
      minVersion: 'TLSv1.3',
      ALPNProtocols: ['h2'],
      checkServerIdentity: (_host, { raw }) => checkPeerIdentity(raw, peer),
    });
    const broke = (): void => reject(new Error('The connection ended during the TLS handshake.'));
    secure.once('close', broke);
    secure.once('error', reject);
    secure.once('secureConnect', () => {
      secure.off('close', broke);
      secure.off('error', reject);
      resolve({ socket: secure, secure: true });
    });
  });
}
