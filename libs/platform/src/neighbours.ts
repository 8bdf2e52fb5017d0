import type { DescService } from '@bufbuild/protobuf';
import type { Clock } from '@sluice/clock';
import type { Client } from '@sluice/rpc';
import { GrpcClient, type CertificateFiles } from '@sluice/rpc/grpc';
import { serviceOf, type ServiceName } from './house-services.ts';

export interface NeighboursOptions {
  readonly addresses: Readonly<Partial<Record<ServiceName, readonly string[]>>>;
  readonly certificates: CertificateFiles | undefined;
  readonly clock: Clock;
}

/** The services of other processes, each behind one client that is made when it is first asked for. */
export class Neighbours {
  readonly #options: NeighboursOptions;
  readonly #clients = new Map<ServiceName, GrpcClient>();

  constructor(options: NeighboursOptions) {
    this.#options = options;
  }

  /** Undefined for a service without an address. */
  connect<S extends DescService>(service: S): Client<S> | undefined {
    const name = serviceOf(service.typeName);
    const addresses = name && this.#options.addresses[name];
    if (name === undefined || addresses === undefined) return undefined;
    let client = this.#clients.get(name);
    if (!client) this.#clients.set(name, (client = this.#open(name, addresses)));
    return client.connect(service);
  }

  /** Takes no more calls; those under way go on to their end. */
  close(): void {
    for (const client of this.#clients.values()) client.close();
  }

  #open(peer: ServiceName, addresses: readonly string[]): GrpcClient {
    const { certificates, clock } = this.#options;
    return new GrpcClient({ addresses, clock, exchanges: true, ...(certificates && { tls: { certificates, peer } }) });
  }
}
