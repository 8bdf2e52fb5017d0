import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, it } from '@jest/globals';
import { silentLogger } from '@sluice/telemetry';
import { createKafka, cutConnections } from './kafka-client.ts';

it('leaves no connection behind a client that was stopped, also not one that the driver was still making', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const kafka = await createKafka({ brokers: [`127.0.0.1:${(server.address() as AddressInfo).port}`] }, 'stopped', silentLogger, { retries: 0 });
  // A broker that takes the connection and says nothing.
  const connecting = kafka.admin({ retry: { retries: 0 } }).connect().then(() => 'connected', () => 'cut');
  const [socket] = (await once(server, 'connection')) as [Socket];
  const closed = once(socket.resume().on('error', () => undefined), 'close');
  cutConnections(kafka);
  expect([await connecting, (await closed).length]).toEqual(['cut', 1]);
  server.close();
});
