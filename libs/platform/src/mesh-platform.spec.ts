import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { keepCertificates } from '@sluice/certificates';
import { systemClock, systemIds } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { AccessService } from '@sluice/proto/access/v1/access';
import { AuditService } from '@sluice/proto/audit/v1/audit';
import { GRPCInferenceService } from '@sluice/proto/kserve';
import type { Implementation } from '@sluice/rpc';
import { silentLogger } from '@sluice/telemetry';
import type { ServiceName } from './house-services.ts';
import { createMeshPlatform, type MeshPlatform, type MeshPlatformOptions } from './mesh-platform.ts';

const LONG_MS = 120_000;
let folder: string;
const running: MeshPlatform[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-mesh-platform-'));
  const services: readonly ServiceName[] = ['access', 'audit', 'gateway', 'local-engine'];
  await keepCertificates(join(folder, 'certificates'), services.map((name) => ({ name, services: [name], hosts: [] })), systemClock, systemIds(systemClock));
}, LONG_MS);
afterEach(async () => {
  for (const mesh of running.splice(0).reverse()) {
    await mesh.drain();
    await mesh.stop();
  }
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function process(service: ServiceName, more: Partial<MeshPlatformOptions> = {}): Promise<MeshPlatform> {
  const file = (end: string): string => join(folder, 'certificates', end);
  const tls = { caFile: file('ca.pem'), certificateFile: file(`${service}.pem`), keyFile: file(`${service}.key`) };
  const mesh = await createMeshPlatform({ hosted: [service], addresses: {}, rpcListen: undefined, tls, name: service, databaseUrl: undefined, kafka: undefined, redisUrl: undefined, rootKey: undefined, logger: silentLogger, ...more });
  running.push(mesh);
  return mesh;
}

async function freeAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${port}`;
}

const access = { listProjects: async () => ({ projects: [] }) } as unknown as Implementation<typeof AccessService>;

it('joins processes: a call to a service that is hosted elsewhere goes there, one of its own stays, and one that is nowhere is away', async () => {
  const address = await freeAddress();
  const owner = await process('access', { rpcListen: address });
  owner.platform.serve(AccessService, access);
  await owner.listen();
  const gateway = await process('gateway', { addresses: { access: [address] } });
  expect((await gateway.platform.connect(AccessService).listProjects({})).projects).toEqual([]);
  expect((await owner.platform.connect(AccessService).listProjects({})).projects).toEqual([]);
  await expect(gateway.platform.connect(GRPCInferenceService).serverLive({})).rejects.toMatchObject({ code: 'backend_unavailable' });
}, LONG_MS);

it('lets in only processes whose services call this one', async () => {
  const address = await freeAddress();
  const owner = await process('access', { rpcListen: address });
  owner.platform.serve(AccessService, access);
  await owner.listen();
  const audit = await process('audit', { addresses: { access: [address] } });
  expect((await audit.platform.connect(AccessService).listProjects({})).projects).toEqual([]);
  const stranger = await process('local-engine', { addresses: { access: [address] } });
  await expect(stranger.platform.connect(AccessService).listProjects({})).rejects.toMatchObject({ code: 'insufficient_permissions' });
  // Where another process answers than was meant, nothing is told to it.
  const lost = await process('gateway', { addresses: { audit: [address] } });
  await expect(lost.platform.connect(AuditService).listActs({})).rejects.toMatchObject({ code: 'backend_unavailable' });
}, LONG_MS);

it('calls a service that comes later, and one that was away when it is back', async () => {
  const address = await freeAddress();
  const gateway = await process('gateway', { addresses: { access: [address] } });
  const client = gateway.platform.connect(AccessService);
  await expect(client.listProjects({}, { timeoutMs: 5_000 })).rejects.toBeInstanceOf(ServiceError);
  for (let round = 0; round < 2; round++) {
    const owner = await process('access', { rpcListen: address });
    owner.platform.serve(AccessService, access);
    await owner.listen();
    const untilMs = performance.now() + 30_000;
    const answers = async (): Promise<boolean> => client.listProjects({}, { timeoutMs: 5_000 }).then(() => true, () => false);
    while (!(await answers())) if (performance.now() > untilMs) throw new Error('it was not taken back');
    running.splice(running.indexOf(owner), 1);
    await owner.drain();
    await owner.stop();
  }
}, LONG_MS);

it('gives no part that its services do not need', async () => {
  const { platform } = await process('local-engine');
  expect(() => platform.rootKey).toThrow('was given no root key');
  expect(() => platform.events).toThrow('was given no event log');
  await expect(platform.sql('local_engine', [])).rejects.toThrow('was given no database');
});
