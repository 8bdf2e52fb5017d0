import { loadRootKey } from '@sluice/envelope';
import { hostConfig, openWayText, openWayToDatabase, type HostConfig } from '@sluice/host';
import { onShutdownSignals } from '@sluice/lifecycle';
import { createEmbeddedPlatform, type EmbeddedPlatform } from '@sluice/platform';
import type { Credentials } from '../data-folder/credentials.ts';
import { dataFolder, type DataFolder } from '../data-folder/data-folder.ts';
import { writeLayout } from '../data-folder/layout.ts';
import { takeLock } from '../data-folder/lock.ts';
import { makeFolder } from '../data-folder/make-folder.ts';
import { readSettings } from '../settings.ts';
import { printableLine } from '../terminal/printable.ts';
import { asTyped } from '../terminal/typed-command.ts';
import { readAllSettings, unknownSettings } from './all-settings.ts';
import { firstKeys } from './credentials.ts';
import { doorsOf, listenersOf } from './listeners.ts';
import { openLog, type OpenLog } from './open-log.ts';
import { preflight } from './preflight.ts';
import { ReadyFile } from './ready-file.ts';
import { serve } from './serve.ts';
import { startFailure } from './start-failure.ts';
import type { UpOptions } from './up-options.ts';

/** Longest delay that a timer takes, in milliseconds. */
const FOR_EVER_MS = 2 ** 31 - 1;

/** Why a start or a run ends although nothing is wrong. */
class Stopped extends Error {
  override readonly name = 'Stopped';
}

/** `sluice up`: everything in this process, until a signal. What was started is stopped in the reverse order, whatever happens. */
export async function up(options: UpOptions): Promise<void> {
  const startedMs = performance.now();
  const settings = readAllSettings();
  const listen = listenersOf(options, settings);
  for (const name of unknownSettings()) say(asTyped(`sluice up knows no setting ${printableLine(name)}: it has no effect. docs/settings.md lists those that there are.`));
  const folder = dataFolder(options.data ?? readSettings().dataDir);
  const config = hostConfig();
  const open = openWayToDatabase(config.databaseUrl);
  // Before anything, a password too, is sent that way.
  if (open) say(`Warning: ${openWayText(open)}`);
  const place = { folder, ...config };
  const readyFile = new ReadyFile(options.readyFile);
  const stop = new AbortController();
  // The house's timers keep no process alive: a start that only waits, for a database that recovers, would end in silence.
  const alive = setInterval(() => undefined, FOR_EVER_MS);
  const opened: { platform?: EmbeddedPlatform; log?: OpenLog } = {};
  await using stack = new AsyncDisposableStack();
  stack.defer(() => clearInterval(alive));
  stack.defer(
    onShutdownSignals({
      drain() {
        say('\nStopping: running calls are given time to end. Ctrl-C again stops at once.');
        stop.abort(new Stopped());
      },
      hardStop() {
        say('Stopped at once.');
        readyFile.remove();
        opened.platform?.kill();
        opened.log?.close();
        process.exit(1);
      },
    }),
  );
  try {
    await preflight(place, doorsOf(listen));
    makeFolder(folder.root, 0o700);
    const lock = takeLock(folder.lock);
    stack.defer(() => lock.release());
    makeFolder(folder.models, 0o700);
    const log = (opened.log = openLog(folder.log, settings.SLUICE_LOG_LEVEL));
    stack.defer(() => log.close());
    const { platform, credentials } = await openPlatform(folder, config, log, opened);
    stack.defer(async () => platform.stop());
    stop.signal.throwIfAborted();
    await serve({ options, settings, listen, folder, config, platform, credentials, readyFile, stack, signal: stop.signal, startedMs });
  } catch (failure) {
    if (!(failure instanceof Stopped)) throw startFailure(failure, place);
  }
  await stack.disposeAsync();
  say('Stopped.');
}

/** In the order that preflight counts on: root key, first keys, database. */
async function openPlatform(folder: DataFolder, config: HostConfig, log: OpenLog, opened: { platform?: EmbeddedPlatform }): Promise<{ platform: EmbeddedPlatform; credentials: Credentials }> {
  writeLayout(folder);
  const rootKey = await loadRootKey(config.rootKeyFile ?? folder.rootKey, { create: config.rootKeyFile === undefined });
  const credentials = firstKeys(folder);
  const platform = await createEmbeddedPlatform({ dataDir: folder.root, databaseUrl: config.databaseUrl, rootKey, logger: log.logger, onProgress: say });
  opened.platform = platform;
  return { platform, credentials };
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
