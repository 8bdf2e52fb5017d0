import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { RequestTimeoutEvent } from 'kafkajs';
import { systemClock } from '@sluice/clock';
import type { ServiceError } from '@sluice/errors';
import { silentLogger } from '@sluice/telemetry';
import { GroupReader } from './group-reader.ts';
import { administer, createKafka, type KafkaClient } from './kafka-client.ts';

const KNOCK_MS = 10;

/** A broker that takes connections, answers nothing, and never ends one by itself, as one that hangs. By what it sends behind an end it learns whether the other side has forgotten the connection or holds it still. */
const silent = createServer({ allowHalfOpen: true });
const address = (): string => `127.0.0.1:${(silent.address() as AddressInfo).port}`;
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
  kafka = await createKafka({ brokers: [address()] }, 'silent', silentLogger, { retries: 0 });
});
afterEach(() => {
  for (const socket of open) socket.destroy();
  silent.close();
});

const closedBut = async (left: number): Promise<void> => {
  while (open.size > left) await new Promise((closed) => { [...open][0]!.once('close', closed); });
};

it('ends the connections of what was stopped, also those that the driver was still making, and makes no more for it', async () => {
  const { driver, end } = kafka.open();
  const connecting = driver.admin({ retry: { retries: 0 } }).connect().then(() => 'connected', () => 'cut');
  await once(silent, 'connection');
  void end(Promise.resolve());
  expect(await connecting).toBe('cut');
  await closedBut(0);
  let came = 0;
  silent.on('connection', () => came++);
  await expect(driver.producer({ retry: { retries: 0 } }).connect()).rejects.toThrow('stopped');
  // Somebody else is let in, behind whoever came before.
  const other = kafka.open();
  const others = other.driver.admin().connect().catch(() => undefined);
  await once(silent, 'connection');
  await other.end(Promise.resolve());
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

it('gives up the connections to a broker that did not answer in time, and no others, and asks on another one', async () => {
  const { driver, end, renew } = kafka.open();
  const isSilent = (broker: string): void => renew({ payload: { broker } } as RequestTimeoutEvent);
  const knock = (): Promise<unknown> => driver.producer({ retry: { retries: 0 } }).connect().then(() => 'connected', () => 'given up');
  for (let turn = 0; turn < 2; turn++) {
    const knocking = knock();
    await once(silent, 'connection');
    const [socket] = open;
    const asked = once(socket!, 'data');
    isSilent('127.0.0.1:1');
    await asked;
    isSilent(address());
    expect(await knocking).toBe('given up');
    await closedBut(0);
  }
  await end(Promise.resolve());
});

it('waits for no answer for long where there is none at the end, and leaves nobody waiting', async () => {
  const reader = new GroupReader({ kafka, prefix: '', clock: systemClock, logger: silentLogger }, { name: 'r', groupId: 'g', topics: [], onAssigned: () => undefined, onBatch: async () => undefined });
  const administering = administer(kafka, async () => undefined).catch((thrown: ServiceError) => thrown.code);
  while (open.size < 2) await once(silent, 'connection');
  const startedMs = performance.now();
  await reader.stop();
  kafka.close();
  expect(await administering).toBe('audit_log_unavailable');
  await closedBut(0);
  expect(performance.now() - startedMs).toBeLessThan(4_000);
  await expect(kafka.open().driver.producer({ retry: { retries: 0 } }).connect()).rejects.toThrow('stopped');
});
