import { systemClock } from '@sluice/clock';
import { GrpcClient, GrpcServer } from './grpc.ts';
import { transportContract } from './transport.contract.ts';

transportContract('gRPC', async () => {
  const server = new GrpcServer({ clock: systemClock });
  const port = await server.listen('127.0.0.1:0');
  const client = new GrpcClient({ addresses: [`127.0.0.1:${port}`], clock: systemClock });
  return { server, client, aheadLimit: 200, close: async () => { client.close(); await server.stop(1000); } };
});
