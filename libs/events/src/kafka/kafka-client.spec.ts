import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { systemClock } from '@sluice/clock';
import { silentLogger } from '@sluice/telemetry';
import { GroupReader } from './group-reader.ts';
import { administer, createKafka, type KafkaClient } from './kafka-client.ts';

const KNOCK_MS = 10;

/** A broker that takes connections, answers nothing, and never ends one by itself, as one that hangs. By what it sends behind an end it learns whether the other side has forgotten the connection or holds it still. */
const silent = createServer({ allowHalfOpen: true });
let open: Set<Socket>;
let kafka: KafkaClient;

beforeEach(async () => {
  open = new Set();
  silent.removeAllListeners('connection').on('connection', (socket: Socket) => {
    open.add(socket.resume().on('error', () => undefined));
    socket.once('end', () => {
      const knocking = setInterval(() => socket.write('.'), KNOCK_MS);
      socket.once('close', () => clearInterval(knocking));
    }).once('close', () => open.delete(socket));
  });
  await once(silent.listen(0, '127.0.0.1'), 'listening');
  kafka = await createKafka({ brokers: [`127.0.0.1:${(silent.address() as AddressInfo).port}`] }, 'silent', silentLogger, { retries: 0 });
});
afterEach(() => {
  for (const socket of open) socket.destroy();
  silent.close();
});

const closedBut = async (left: number): Promise<void> => {
  while (open.size > left) await new Promise((closed) => { [...open][0]!.once('close', closed); });
};

it('ends the connections of what was stopped, also those that the driver was still making, and makes no more for it', async () => {
  const { driver, cut } = kafka.open();
  const connecting = driver.admin({ retry: { retries: 0 } }).connect().then(() => 'connected', () => 'cut');
  await once(silent, 'connection');
  cut();
  expect(await connecting).toBe('cut');
  await closedBut(0);
  let came = 0;
  silent.on('connection', () => came++);
  await expect(driver.producer({ retry: { retries: 0 } }).connect()).rejects.toThrow('stopped');
  // Somebody else is let in, behind whoever came before.
  const other = kafka.open();
  const others = other.driver.admin().connect().catch(() => undefined);
  await once(silent, 'connection');
  other.cut();
  await others;
  expect(came).toBe(1);
});

it('holds no connection of an attempt that has ended', async () => {
  let ended = 0;
  const twice = Promise.withResolvers<void>();
  const note = (): void => void (++ended === 2 && twice.resolve());
  const reader = new GroupReader({ kafka, prefix: '', clock: systemClock, logger: { ...silentLogger, info: note } }, { name: 'r', groupId: 'g', topics: [], onAssigned: () => undefined, onBatch: async () => undefined });
  await expect(administer(kafka, async () => undefined)).rejects.toMatchObject({ code: 'audit_log_unavailable' });
  await twice.promise;
  await closedBut(1);
  await reader.stop();
  await closedBut(0);
}, 40_000);

it('gives up a connection over which no answer came in time, and asks on another one', async () => {
  const { driver, cut, renew } = kafka.open();
  const knock = (): Promise<unknown> => driver.producer({ retry: { retries: 0 } }).connect().then(() => 'connected', () => 'given up');
  for (let turn = 0; turn < 2; turn++) {
    const knocking = knock();
    await once(silent, 'connection');
    renew();
    expect(await knocking).toBe('given up');
    await closedBut(0);
  }
  cut();
});
