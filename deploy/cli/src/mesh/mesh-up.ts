import { resolve } from 'node:path';
import { systemClock, systemIds } from '@sluice/clock';
import { loadRootKey } from '@sluice/envelope';
import { hostConfig } from '@sluice/host';
import { onShutdownSignals } from '@sluice/lifecycle';
import { checkRootKey } from '@sluice/platform';
import type { Credentials } from '../data-folder/credentials.ts';
import { dataFolder } from '../data-folder/data-folder.ts';
import { writeLayout } from '../data-folder/layout.ts';
import { takeLock } from '../data-folder/lock.ts';
import { makeFolder } from '../data-folder/make-folder.ts';
import { readSettings } from '../settings.ts';
import { printableLine } from '../terminal/printable.ts';
import { asTyped } from '../terminal/typed-command.ts';
import { readAllSettings } from '../up/all-settings.ts';
import { firstKeys } from '../up/credentials.ts';
import { doorsOf, listenersOf } from '../up/listeners.ts';
import { openHouse } from '../up/open-house.ts';
import { preflight } from '../up/preflight.ts';
import { ReadyFile } from '../up/ready-file.ts';
import { startFailure } from '../up/start-failure.ts';
import type { StartPlace } from '../up/start-place.ts';
import type { UpOptions } from '../up/up-options.ts';
import { meshProcesses } from './mesh-processes.ts';
import { meshStackOf } from './mesh-stack.ts';
import { openMesh } from './open-mesh.ts';
import { PidsFile } from './pids-file.ts';
import { stackAddresses } from './stack-addresses.ts';
import type { Supervisor } from './supervisor.ts';
import { userSettings, type UserSettings } from './user-settings.ts';

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
  const users = userSettings();
  const settings = readAllSettings(users.environment);
  const listen = listenersOf(options, settings);
  const folder = dataFolder(options.data ?? readSettings().dataDir);
  const usualStack = `${folder.root}-stack`;
  const begunOn = meshStackOf(folder, usualStack);
  const stackData = resolve(options.stack ?? begunOn ?? usualStack);
  tellUnused(users, stackData);
  const pidsFile = new PidsFile(options.pids);
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
      pidsFile.remove();
      opened.supervisor?.kill();
      process.exit(1);
    },
  }));
  let place: StartPlace = { folder, rootKeyFile: hostConfig(users.environment).rootKeyFile, databaseUrl: undefined, stack: stackData, begunOn };
  try {
    const servers = await stackAddresses(stackData);
    place = { ...place, databaseUrl: servers.databaseUrl };
    await preflight(place, doorsOf(listen));
    makeFolder(folder.root, 0o700);
    const lock = takeLock(folder.lock);
    stack.defer(() => lock.release());
    pidsFile.take();
    stack.defer(() => pidsFile.remove());
    const credentials = await prepare(place, servers.databaseUrl);
    stop.signal.throwIfAborted();
    const processes = meshProcesses(options.dataPlanes);
    const { supervisor, start } = await openMesh({ processes, folder, rootKeyFile: place.rootKeyFile ?? folder.rootKey, stackData, servers, listen, settings, pidsFile, stack, signal: stop.signal, say });
    opened.supervisor = supervisor;
    await openHouse({ options, addresses: await start(), folder, credentials, readyFile, stack, signal: stop.signal, startedMs });
  } catch (failure) {
    if (!(failure instanceof Stopped)) throw startFailure(failure, place);
  }
  await stack.disposeAsync();
  say('Stopped.');
}

function tellUnused({ unknown, overridden }: UserSettings, stackData: string): void {
  for (const name of unknown) say(asTyped(`sluice mesh up knows no setting ${printableLine(name)}: it has no effect. docs/settings.md lists those that there are.`));
  if (overridden.length > 0) say(asTyped(`sluice mesh up does not use ${overridden.join(', ')}: its data go to the servers of the stack in ${stackData}, and its processes get addresses and certificates of its own making.`));
}

/** In the order that preflight counts on: root key, first keys, and what the database says of them. The processes find all three. */
async function prepare({ folder, rootKeyFile }: StartPlace, databaseUrl: string): Promise<Credentials> {
  for (const path of [folder.models, folder.logs, folder.certificates]) makeFolder(path, 0o700);
  writeLayout(folder);
  const rootKey = await loadRootKey(rootKeyFile ?? folder.rootKey, { create: rootKeyFile === undefined });
  const credentials = firstKeys(folder);
  await checkRootKey(databaseUrl, rootKey, systemIds(systemClock));
  return credentials;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
