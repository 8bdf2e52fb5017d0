import type { Clock } from '@sluice/clock';
import { GRPCInferenceService } from '@sluice/proto/kserve';
import type { Client } from '@sluice/rpc';
import { GrpcClient } from '@sluice/rpc/grpc';

export type KserveClient = Client<typeof GRPCInferenceService>;

/**
 * How often a connection is pinged. Servers of gRPC's own making, Triton among them, end a connection that is pinged more
 * often than every five minutes, unless they are told otherwise; and then the answers on it break off.
 */
const KEEP_ALIVE_MS = 310_000;

/** Where a KServe v2 server is reached. */
export interface KserveServer {
  readonly client: KserveClient;
  /** Makes a new connection: on the old one nothing is heard. Calls under way there go on to their end. */
  renew(): void;
  close(): void;
}

/** A server at `host:port`. */
export function remoteServer(address: string, clock: Clock): KserveServer {
  const connect = (): GrpcClient => new GrpcClient({ addresses: [address], clock, keepAliveMs: KEEP_ALIVE_MS });
  let connection = connect();
  let client = connection.connect(GRPCInferenceService);
  return {
    get client() {
      return client;
    },
    renew() {
      connection.close();
      connection = connect();
      client = connection.connect(GRPCInferenceService);
    },
    close: () => connection.close(),
  };
}

/** The engine of this house, which has no connection of its own. */
export function houseEngine(client: KserveClient): KserveServer {
  return { client, renew: () => undefined, close: () => undefined };
}
