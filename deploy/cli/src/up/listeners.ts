import { WrongUse } from '../exit-code.ts';
import type { Settings } from './all-settings.ts';
import type { Listeners, UpOptions } from './up-options.ts';

/** The admin API is for this machine; who wants it elsewhere puts a proxy of their own before it. */
const ADMIN_HOST = '127.0.0.1';

/** An option goes before its setting. 0 lets the operating system choose, so it may be given twice. */
export function listenersOf(options: UpOptions, settings: Settings): Listeners {
  const port = options.port ?? settings.SLUICE_PORT;
  const adminPort = options.adminPort ?? settings.SLUICE_ADMIN_PORT;
  if (port === adminPort && port !== 0) throw new WrongUse(`--port and --admin-port are both ${port}: each needs its own.`);
  return { host: options.host ?? settings.SLUICE_HOST, port, adminHost: ADMIN_HOST, adminPort };
}
