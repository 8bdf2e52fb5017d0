import { join } from 'node:path';
import type { Environment } from '@sluice/config';
import { addressSetting, meshShape } from '@sluice/host';
import { calledElsewhere, needing, type Need } from '@sluice/platform/services';
import type { DataFolder } from '../data-folder/data-folder.ts';
import type { Listeners } from '../up/up-options.ts';
import type { MeshProcess } from './mesh-processes.ts';
import type { StackAddresses } from './stack-addresses.ts';

/** Where the processes of this machine meet; nobody else reaches it. */
export const MESH_HOST = '127.0.0.1';

export interface MeshPlace {
  readonly processes: readonly MeshProcess[];
  readonly folder: DataFolder;
  readonly rootKeyFile: string;
  readonly stack: StackAddresses;
  readonly listen: Listeners;
  /** By process and purpose, as `access rpc`. */
  readonly ports: Readonly<Record<string, number>>;
}

/**
 * The environment of one process: the user's, without the settings by which a process finds its place in a mesh. Of those it
 * has what it is given, also when the shell of the user names the servers and passwords of another mesh.
 */
export function processEnvironmentOf(process: MeshProcess, place: MeshPlace, users: Environment): Environment {
  const givenOnly = new Set([...Object.keys(meshShape), ...place.processes.flatMap((one) => Object.keys(processSettings(one, place)))]);
  const inherited = Object.entries(users).filter(([name]) => !givenOnly.has(name));
  return { ...Object.fromEntries(inherited), ...processSettings(process, place) };
}

/** The ports that a process needs beside those of the clients. */
export function portNames({ name, isCalled, isDataPlane }: MeshProcess): string[] {
  return [`${name} health`, ...(isCalled ? [`${name} rpc`] : []), ...(isDataPlane ? [`${name} direct`] : [])];
}

/** The settings by which one process finds its place in the mesh, by their environment names. */
export function processSettings(process: MeshProcess, place: MeshPlace): Record<string, string> {
  const { folder, ports, stack } = place;
  const at = (name: string): string => `${MESH_HOST}:${ports[name]!}`;
  const certificate = (end: string): string => join(folder.certificates, `${process.name}.${end}`);
  const has = (what: Need): boolean => needing(what, process.services).length > 0;
  return {
    ...(has('ownsTables') && { DATABASE_URL: stack.databaseUrl }),
    ...(has('usesEvents') && { KAFKA_BROKERS: stack.kafkaBrokers, KAFKA_REPLICAS: String(stack.kafkaReplicas) }),
    SLUICE_HEALTH_LISTEN: at(`${process.name} health`),
    SLUICE_TLS_CA_FILE: join(folder.certificates, 'ca.pem'),
    SLUICE_TLS_CERTIFICATE_FILE: certificate('pem'),
    SLUICE_TLS_KEY_FILE: certificate('key'),
    ...(has('shares') && { REDIS_URL: stack.redisUrl }),
    ...(has('wrapsSecrets') && { SLUICE_ROOT_KEY_FILE: place.rootKeyFile }),
    ...(process.isCalled && { SLUICE_RPC_LISTEN: at(`${process.name} rpc`) }),
    ...(process.services.includes('access') && { SLUICE_FIRST_KEYS_FILE: folder.credentials }),
    ...(process.isDataPlane && doors(process, place)),
    ...Object.fromEntries(calledElsewhere(process.services).all.map((name) => [addressSetting(name), at(`${name} rpc`)])),
  };
}

function doors(process: MeshProcess, { processes, listen, ports }: MeshPlace): Record<string, string> {
  const isShared = processes.filter(({ isDataPlane }) => isDataPlane).length > 1;
  return {
    SLUICE_HOST: listen.host,
    SLUICE_PORT: String(listen.port),
    SLUICE_ADMIN_HOST: listen.adminHost,
    SLUICE_ADMIN_PORT: String(listen.adminPort),
    ...(listen.grpcPort !== undefined && { SLUICE_GRPC_PORT: String(listen.grpcPort) }),
    SLUICE_SHARE_PORTS: String(isShared),
    SLUICE_DIRECT_PORT: String(ports[`${process.name} direct`]!),
    SLUICE_PRODUCER: process.name,
    // The supervisor starts it when the one before has ended, and holds the lock of the data folder.
    SLUICE_PRODUCER_IS_SOLE: 'true',
  };
}
