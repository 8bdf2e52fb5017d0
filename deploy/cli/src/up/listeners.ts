import { WrongUse } from '../exit-code.ts';
import type { Settings } from './all-settings.ts';
import type { Listener } from './ports.ts';
import type { Listeners, UpOptions } from './up-options.ts';

/** The admin API is for this machine; who wants it elsewhere puts a proxy of their own before it. */
const ADMIN_HOST = '127.0.0.1';

/** An option goes before its setting. 0 lets the operating system choose, so it may be given more than once. */
export function listenersOf(options: UpOptions, settings: Settings): Listeners {
  const listen = {
    host: options.host ?? settings.SLUICE_HOST,
    port: options.port ?? settings.SLUICE_PORT,
    adminHost: ADMIN_HOST,
    adminPort: options.adminPort ?? settings.SLUICE_ADMIN_PORT,
    grpcPort: options.grpcPort ?? settings.SLUICE_GRPC_PORT,
  };
  const same = Map.groupBy(doorsOf(listen).filter(({ port }) => port !== 0), ({ port }) => port);
  for (const [port, doors] of same) {
    if (doors.length > 1) throw new WrongUse(`${doors.map(({ option }) => option).join(' and ')} are both ${port}: each needs its own.`);
  }
  return listen;
}

/** The listeners one by one, each with the option that says where it is. */
export function doorsOf({ host, port, adminHost, adminPort, grpcPort }: Listeners): Listener[] {
  return [
    { host, port, option: '--port' },
    { host: adminHost, port: adminPort, option: '--admin-port' },
    ...(grpcPort === undefined ? [] : [{ host, port: grpcPort, option: '--grpc-port' }]),
  ];
}
