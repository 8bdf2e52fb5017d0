import { dirname, resolve } from 'node:path';
import { existsSync } from 'node:fs';
import { loadRootKey } from '@sluice/envelope';
import { hostConfig } from '@sluice/host';
import { onShutdownSignals } from '@sluice/lifecycle';
import { dataFolder, type DataFolder } from '../data-folder/data-folder.ts';
import { writeLayout } from '../data-folder/layout.ts';
import { takeLock } from '../data-folder/lock.ts';
import { makeFolder } from '../data-folder/make-folder.ts';
import { CommandFailed } from '../exit-code.ts';
import { readSettings } from '../settings.ts';
import { readAllSettings } from '../up/all-settings.ts';
import { firstKeys } from '../up/credentials.ts';
import { doorsOf, listenersOf } from '../up/listeners.ts';
import { openHouse } from '../up/open-house.ts';
import { preflight } from '../up/preflight.ts';
import { ReadyFile } from '../up/ready-file.ts';
import { startFailure } from '../up/start-failure.ts';
import type { UpOptions } from '../up/up-options.ts';
import { meshProcesses } from './mesh-processes.ts';
import { openMesh } from './open-mesh.ts';
import { stackAddresses } from './stack-addresses.ts';
import type { Supervisor } from './supervisor.ts';

/** Longest delay that a timer takes, in milliseconds. */
const FOR_EVER_MS = 2 ** 31 - 1;

/** What `sluice mesh up` was asked for. */
export interface MeshOptions extends UpOptions {
  /** Data folder of the stack that it runs on. */
  readonly stack?: string;
  readonly pids?: string;
  readonly dataPlanes: number;
}

/** Why a start or a run ends although nothing is wrong. */
class Stopped extends Error {
  override readonly name = 'Stopped';
}

/** `sluice mesh up`: the platform as processes of this machine, supervised, until a signal. */
export async function meshUp(options: MeshOptions): Promise<void> {
  const startedMs = performance.now();
  const settings = readAllSettings();
  const listen = listenersOf(options, settings);
  const folder = dataFolder(options.data ?? readSettings().dataDir);
  const stackData = resolve(options.stack ?? `${readSettings().dataDir}-stack`);
  if (options.pids !== undefined && !existsSync(dirname(resolve(options.pids)))) throw new CommandFailed(`There is no folder ${dirname(resolve(options.pids))} for the file of process ids.`);
  const readyFile = new ReadyFile(options.readyFile);
  const stop = new AbortController();
  const opened: { supervisor?: Supervisor } = {};
  const alive = setInterval(() => undefined, FOR_EVER_MS);
  await using stack = new AsyncDisposableStack();
  stack.defer(() => clearInterval(alive));
  stack.defer(onShutdownSignals({
    drain() {
      say('\nStopping: running calls are given time to end. Ctrl-C again stops at once.');
      stop.abort(new Stopped());
    },
    hardStop() {
      say('Stopped at once.');
      readyFile.remove();
      opened.supervisor?.kill();
      process.exit(1);
    },
  }));
  try {
    const servers = await stackAddresses(stackData);
    const { rootKeyFile } = hostConfig();
    await preflight(folder, { rootKeyFile, databaseUrl: servers.databaseUrl }, doorsOf(listen));
    makeFolder(folder.root, 0o700);
    const lock = takeLock(folder.lock);
    stack.defer(() => lock.release());
    await prepare(folder, rootKeyFile);
    const credentials = firstKeys(folder);
    const processes = meshProcesses(options.dataPlanes);
    const { supervisor, start } = await openMesh({ processes, folder, rootKeyFile: rootKeyFile ?? folder.rootKey, servers, listen, settings, pidsFile: options.pids, stack, signal: stop.signal, say });
    opened.supervisor = supervisor;
    await openHouse({ options, addresses: await start(), folder, credentials, readyFile, stack, signal: stop.signal, startedMs });
  } catch (failure) {
    if (!(failure instanceof Stopped)) throw startFailure(failure, folder, undefined);
  }
  await stack.disposeAsync();
  say('Stopped.');
}

/** In the order that preflight counts on: root key, then first keys. */
async function prepare(folder: DataFolder, rootKeyFile: string | undefined): Promise<void> {
  for (const path of [folder.models, folder.logs, folder.certificates]) makeFolder(path, 0o700);
  writeLayout(folder);
  await loadRootKey(rootKeyFile ?? folder.rootKey, { create: rootKeyFile === undefined });
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
