import { systemClock } from '@sluice/clock';
import { CONTRACT_MESSAGE_LIMIT_BYTES } from './flow.contract.ts';
import { GrpcClient, GrpcServer } from './grpc.ts';
import { transportContract } from './transport.contract.ts';

/** 64 KiB of window and 16 messages on each side; and until the server's headers are there, 1 MiB that could be sent again. */
const AHEAD_LIMIT = { answers: 200, requests: 1_400 };
const limits = { clock: systemClock, messageLimitBytes: CONTRACT_MESSAGE_LIMIT_BYTES };

transportContract('gRPC', async () => {
  const server = new GrpcServer(limits);
  const client = new GrpcClient({ ...limits, addresses: [`127.0.0.1:${await server.listen('127.0.0.1:0')}`] });
  return { server, client, aheadLimit: AHEAD_LIMIT, close: async () => { client.close(); await server.stop(1000); } };
});
