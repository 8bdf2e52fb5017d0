import { connect } from 'node:net';
import { once } from 'node:events';
import type { Environment } from '@sluice/config';
import type { Settings } from '../up/all-settings.ts';
import { checkPorts } from '../up/ports.ts';
import { Findings, reasonOf, type Finding } from './finding.ts';
import { placesIn } from './places.ts';

const CONNECT_LIMIT_MS = 3_000;

/** Whether the next start could listen; a platform that runs has its ports itself. */
export async function lookAtPorts({ SLUICE_HOST: host, SLUICE_PORT: port, SLUICE_ADMIN_PORT: adminPort, SLUICE_GRPC_PORT: grpcPort }: Settings): Promise<readonly Finding[]> {
  const found = new Findings('ports');
  const wanted = [
    { host, port, option: '--port', setting: 'SLUICE_PORT' },
    { host: '127.0.0.1', port: adminPort, option: '--admin-port', setting: 'SLUICE_ADMIN_PORT' },
    ...(grpcPort === undefined ? [] : [{ host, port: grpcPort, option: '--grpc-port', setting: 'SLUICE_GRPC_PORT' }]),
  ];
  for (const { host, port, option, setting } of wanted) {
    try {
      await checkPorts([{ host, port, option }]);
      found.ok(setting, `${host}:${port} is free`);
    } catch (error) {
      found.wrong(setting, reasonOf(error), `free it, or choose another with ${option} or ${setting}`);
    }
  }
  return found.all;
}

/** The services of other processes of a mesh, by the settings that say where they are. */
export async function lookAtServices(environment: Environment): Promise<readonly Finding[]> {
  const found = new Findings('services');
  const given = Object.entries(environment).filter(([name, value]) => /^SLUICE_[A-Z_]+_ADDRESS$/.test(name) && value);
  await Promise.all(given.map(async ([name, value]) => {
    const places = placesIn(value!);
    if (places === undefined) return found.wrong(name, 'is no list of addresses', 'give host:port, with commas between them');
    for (const { host, port } of places) {
      try {
        await reach(host, port);
        found.ok(name, `${host}:${port} takes connections`);
      } catch (error) {
        found.wrong(name, `${host}:${port}: ${reasonOf(error)}`, 'start the process that hosts it, or correct the setting');
      }
    }
  }));
  return found.all.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

async function reach(host: string, port: number): Promise<void> {
  const socket = connect({ host, port });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_LIMIT_MS) });
  } finally {
    socket.on('error', () => undefined).destroy();
  }
}
