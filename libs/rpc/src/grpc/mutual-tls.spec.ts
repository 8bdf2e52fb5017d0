import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket, connect as connectTls, type ConnectionOptions } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { keepCertificates, type ProcessCertificate } from '@sluice/certificates';
import { ManualClock, systemClock, systemIds } from '@sluice/clock';
import { BillingService } from '@sluice/proto/billing/v1/billing';
import { Health } from '@sluice/proto/grpc/health/v1/health';
import { InferenceService } from '@sluice/proto/inference/v1/inference';
import { GRPCInferenceService } from '@sluice/proto/kserve';
import { silentLogger } from '@sluice/telemetry';
import { CONTRACT_MESSAGE_LIMIT_BYTES } from '../flow.contract.ts';
import { CertificateFiles, GrpcClient, GrpcServer } from '../grpc.ts';
import type { Implementation } from '../service.ts';
import { untilExchanged } from '../testing/exchange.ts';
import { TcpRelay } from '../testing/tcp-relay.ts';
import { collect, until } from '../testing/waiting.ts';
import { transportContract } from '../transport.contract.ts';

const ROUTER: ProcessCertificate = { name: 'data-plane', services: ['gateway', 'inference-router'], hosts: ['localhost'] };
const GATEWAY: ProcessCertificate = { name: 'gateway', services: ['gateway'], hosts: [] };
const LOOK_PERIOD_MS = 10_000;

const closers: (() => unknown)[] = [];
const closeAll = async () => {
  for (const close of closers.splice(0).reverse()) await close();
};

/** An authority and the certificates of two processes. Those of the files are looked at on `clock`. */
async function makeHouse() {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-mtls-'));
  closers.push(() => rm(folder, { recursive: true }));
  await keepCertificates(folder, [ROUTER, GATEWAY], systemClock, systemIds(systemClock));
  const clock = new ManualClock();
  const path = (file: string) => join(folder, file);
  const open = async (name: string) => {
    const files = await CertificateFiles.open({ caFile: path('ca.pem'), certificateFile: path(`${name}.pem`), keyFile: path(`${name}.key`) }, clock, silentLogger);
    closers.push(() => files.stop());
    return files;
  };
  return { folder, clock, path, open };
}

async function serve(certificates: CertificateFiles | undefined, callers?: (service: string) => readonly string[] | undefined) {
  const server = new GrpcServer({ clock: systemClock, ...(certificates && { certificates }), ...(callers && { callers }) });
  server.serve(InferenceService, { listBackends: async () => ({}) } as Partial<Implementation<typeof InferenceService>> as Implementation<typeof InferenceService>);
  const port = await server.listen('127.0.0.1:0');
  closers.push(() => server.stop(0));
  return port;
}

function call(address: string, tls?: { certificates: CertificateFiles; peer: string }) {
  const client = new GrpcClient({ addresses: [address], clock: systemClock, ...(tls && { tls }) });
  closers.push(() => client.close());
  return client.connect(InferenceService).listBackends({}, { timeoutMs: 30_000 });
}

const makePair = async (exchanges: boolean) => {
  const { open } = await makeHouse();
  const limits = { clock: systemClock, messageLimitBytes: CONTRACT_MESSAGE_LIMIT_BYTES, exchanges };
  const server = new GrpcServer({ ...limits, certificates: await open('data-plane') });
  const tls = { certificates: await open('gateway'), peer: 'inference-router' };
  const client = new GrpcClient({ ...limits, addresses: [`127.0.0.1:${await server.listen('127.0.0.1:0')}`], tls });
  if (exchanges) await untilExchanged(client);
  return { server, client, aheadLimit: { answers: 300, requests: 1_400 }, close: async () => { client.close(); await server.stop(1000); await closeAll(); } };
};

transportContract('gRPC with mutual TLS', () => makePair(false));
transportContract('gRPC with mutual TLS and exchanges', () => makePair(true));

describe('mutual TLS', () => {
  let house: Awaited<ReturnType<typeof makeHouse>>;
  beforeEach(async () => {
    house = await makeHouse();
  });
  afterEach(closeAll);

  /** How a TLS client of any make fares: the protocol that was agreed, or the fault. */
  const greet = (port: number, options: ConnectionOptions) => new Promise<string>((resolve) => {
    const socket = connectTls({ host: '127.0.0.1', port, ALPNProtocols: ['h2'], rejectUnauthorized: false, ...options });
    socket.once('data', () => (resolve(socket.getProtocol()!), socket.destroy()));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.once('close', () => resolve('closed'));
  });
  const pairOf = async (name: string): Promise<ConnectionOptions> => ({ cert: await readFile(house.path(`${name}.pem`)), key: await readFile(house.path(`${name}.key`)) });

  it('joins two that know the same authority, whichever of its services the other is asked for', async () => {
    const address = `127.0.0.1:${await serve(await house.open('data-plane'))}`;
    const certificates = await house.open('gateway');
    for (const peer of ['inference-router', 'gateway']) expect(await call(address, { certificates, peer })).toBeDefined();
  });

  it('lets in whom a service names by the certificate, refuses all others call by call, and lets everyone in to what names nobody', async () => {
    const asked: string[] = [];
    const answerTo = (...names: string[]) => async (service: string) => {
      const address = `127.0.0.1:${await serve(await house.open('data-plane'), (one) => (asked.push(one), one === service ? names : undefined))}`;
      return call(address, { certificates: await house.open('gateway'), peer: 'inference-router' });
    };
    expect(await answerTo('billing', 'gateway')(InferenceService.typeName)).toBeDefined();
    await expect(answerTo('billing')(InferenceService.typeName)).rejects.toMatchObject({ code: 'insufficient_permissions' });
    await expect(answerTo()(InferenceService.typeName)).rejects.toMatchObject({ code: 'insufficient_permissions', message: expect.stringContaining('inference.v1.InferenceService') });
    expect(await answerTo('billing')('another.Service')).toBeDefined();
    expect(asked).toContain('grpc.health.v1.Health');
  });

  it('reads the certificate of a caller once a connection, and checks every call', async () => {
    const address = `127.0.0.1:${await serve(await house.open('data-plane'), (service) => (service === InferenceService.typeName ? ['gateway'] : []))}`;
    const client = new GrpcClient({ addresses: [address], clock: systemClock, tls: { certificates: await house.open('gateway'), peer: 'inference-router' } });
    closers.push(() => client.close());
    const calls = client.connect(InferenceService);
    await calls.listBackends({}, { timeoutMs: 30_000 });
    const reads = jest.spyOn(TLSSocket.prototype, 'getPeerCertificate');
    closers.push(() => reads.mockRestore());
    for (let count = 0; count < 3; count++) await calls.listBackends({}, { timeoutMs: 30_000 });
    await expect(client.connect(Health).check({}, { timeoutMs: 30_000 })).rejects.toMatchObject({ code: 'insufficient_permissions' });
    expect(reads).not.toHaveBeenCalled();
  });

  it('checks each call of a stream that calls share', async () => {
    const server = new GrpcServer({ clock: systemClock, exchanges: true, certificates: await house.open('data-plane'), callers: (service) => (service === GRPCInferenceService.typeName ? ['billing'] : ['gateway']) });
    closers.push(() => server.stop(0));
    const served: string[] = [];
    server.serve(GRPCInferenceService, { async *modelStreamInfer() { served.push('infer'); yield {}; } } as Partial<Implementation<typeof GRPCInferenceService>> as Implementation<typeof GRPCInferenceService>);
    server.serve(BillingService, { async *spend(_asked, { metadata }) { served.push(metadata['user-agent'] ?? 'over the exchange'); yield {}; } } as Partial<Implementation<typeof BillingService>> as Implementation<typeof BillingService>);
    const client = new GrpcClient({ addresses: [`127.0.0.1:${await server.listen('127.0.0.1:0')}`], clock: systemClock, exchanges: true, tls: { certificates: await house.open('gateway'), peer: 'inference-router' } });
    closers.push(() => client.close());
    await untilExchanged(client);
    const nothing = async function* (): AsyncGenerator<object> { /* Asks nothing. */ };
    await expect(collect(client.connect(GRPCInferenceService).modelStreamInfer(nothing()))).rejects.toMatchObject({ code: 'insufficient_permissions' });
    expect(await collect(client.connect(BillingService).spend(nothing()))).toHaveLength(1);
    expect(served).toEqual(['over the exchange']);
  });

  it('refuses a server that is another service than was meant', async () => {
    const address = `127.0.0.1:${await serve(await house.open('data-plane'))}`;
    await expect(call(address, { certificates: await house.open('gateway'), peer: 'billing' })).rejects.toMatchObject({ code: 'backend_unavailable' });
  });

  it('refuses a server and a client of another authority', async () => {
    const other = await makeHouse();
    const port = await serve(await house.open('data-plane'));
    await expect(call(`127.0.0.1:${port}`, { certificates: await other.open('gateway'), peer: 'inference-router' })).rejects.toMatchObject({ code: 'backend_unavailable' });
    const stranger = { cert: await readFile(other.path('gateway.pem')), key: await readFile(other.path('gateway.key')) };
    expect(await greet(port, stranger)).toMatch(/ERR_SSL|ECONNRESET|closed/);
  });

  it('refuses a client without a certificate, one that speaks plain text, and TLS 1.2', async () => {
    const port = await serve(await house.open('data-plane'));
    expect(await greet(port, await pairOf('gateway'))).toBe('TLSv1.3');
    expect(await greet(port, {})).toMatch(/ERR_SSL|ECONNRESET|closed/);
    expect(await greet(port, { ...(await pairOf('gateway')), maxVersion: 'TLSv1.2' })).toMatch(/ERR_SSL|ECONNRESET|closed/);
    await expect(call(`127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'backend_unavailable' });
    const plain = await serve(undefined);
    await expect(call(`127.0.0.1:${plain}`, { certificates: await house.open('gateway'), peer: 'inference-router' })).rejects.toMatchObject({ code: 'backend_unavailable' });
  });

  it('takes renewed files for new connections, without a restart, while old connections go on', async () => {
    const served = await house.open('data-plane');
    const port = await serve(served);
    const relay = await TcpRelay.open(port);
    closers.push(() => relay.close());
    const certificates = await house.open('gateway');
    const client = new GrpcClient({ addresses: [relay.address], clock: systemClock, tls: { certificates, peer: 'inference-router' } });
    closers.push(() => client.close());
    const calls = client.connect(InferenceService);
    await calls.listBackends({}, { timeoutMs: 30_000 });
    const before = await pairOf('gateway');
    // A whole new authority: nothing of the old would be accepted by who has read the new files.
    await Promise.all(['ca.pem', 'ca.key', 'data-plane.pem', 'gateway.pem'].map((file) => rm(house.path(file))));
    await keepCertificates(house.folder, [ROUTER, GATEWAY], systemClock, systemIds(systemClock));
    const [oldServed, oldCertificates] = [served.context, certificates.context];
    house.clock.advance(LOOK_PERIOD_MS);
    await until(() => served.context !== oldServed && certificates.context !== oldCertificates);
    expect(await calls.listBackends({}, { timeoutMs: 30_000 })).toBeDefined();
    expect(await greet(port, before)).toMatch(/ERR_SSL|ECONNRESET|closed/);
    expect(await greet(port, { ...(await pairOf('gateway')), ca: await readFile(house.path('ca.pem')), rejectUnauthorized: true, checkServerIdentity: () => undefined })).toBe('TLSv1.3');
    relay.cut();
    await until(() => relay.isEmpty);
    expect(await callUntilConnected(() => calls.listBackends({}, { timeoutMs: 30_000 }))).toBeDefined();
  });

  it('keeps what it has while the files do not fit together or cannot be read, and takes them when they do', async () => {
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (_fields: object, message: string) => void warnings.push(message) };
    const paths = { caFile: house.path('ca.pem'), certificateFile: house.path('gateway.pem'), keyFile: house.path('gateway.key') };
    const files = await CertificateFiles.open(paths, house.clock, logger);
    closers.push(() => files.stop());
    const [first, good] = [files.context, await readFile(paths.certificateFile, 'utf8')];
    const spoil = [() => writeFile(paths.keyFile, 'half a ke'), () => rm(paths.certificateFile)];
    for (const [index, hurt] of spoil.entries()) {
      await hurt();
      house.clock.advance(LOOK_PERIOD_MS);
      await until(() => warnings.length === index + 1);
      expect(files.context).toBe(first);
    }
    await rm(paths.keyFile);
    await keepCertificates(house.folder, [GATEWAY], systemClock, systemIds(systemClock));
    let changes = 0;
    files.onChange(() => changes++);
    house.clock.advance(LOOK_PERIOD_MS);
    await until(() => changes === 1);
    expect(files.context).not.toBe(first);
    expect(files.options.cert).not.toBe(good);
    expect(warnings.join()).not.toContain('PRIVATE KEY');
  });

  it('does not start with files that cannot be used', async () => {
    const paths = { caFile: house.path('ca.pem'), certificateFile: house.path('gateway.pem'), keyFile: house.path('data-plane.key') };
    await expect(CertificateFiles.open(paths, house.clock, silentLogger)).rejects.toThrow();
    await expect(CertificateFiles.open({ ...paths, keyFile: house.path('none.key') }, house.clock, silentLogger)).rejects.toThrow('ENOENT');
  });
});

/** Right after its connection was cut a client may fail calls at once, until it has the next. */
async function callUntilConnected<T>(start: () => Promise<T>): Promise<T> {
  const endMs = performance.now() + 60_000;
  for (;;) {
    try {
      return await start();
    } catch (error) {
      if (performance.now() > endMs) throw error;
    }
  }
}
