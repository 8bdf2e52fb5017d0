import { resolve } from 'node:path';
import { openLogOperations, type LogOperations } from '@sluice/events';
import { hostConfig } from '@sluice/host';
import { runningServer } from '@sluice/sql';
import { dataFolder } from '../data-folder/data-folder.ts';
import { lockHolder } from '../data-folder/lock.ts';
import { CommandFailed } from '../exit-code.ts';
import { meshStackOf } from '../mesh/mesh-stack.ts';
import { stackAddresses } from '../mesh/stack-addresses.ts';
import { readSettings } from '../settings.ts';
import { dataOption } from '../terminal/typed-command.ts';

/** Which platform's log is meant. */
export interface LogPlace {
  readonly data?: string;
  /** Data folder of the stack of a mesh. */
  readonly stack?: string;
}

/** Works on the event log, and closes its connection however that ends. */
export async function withLog<T>(place: LogPlace, work: (log: LogOperations) => Promise<T>): Promise<T> {
  const log = openLogOperations(await logDatabase(place));
  try {
    return await work(log);
  } finally {
    await log.end();
  }
}

/**
 * Address of the database of a platform's event log: that of the stack that was named, that of DATABASE_URL, the embedded one
 * of the platform that runs in the data folder, that of the stack of the mesh that runs in it. Throws a CommandFailed
 * that says what to start where there is none.
 */
async function logDatabase({ data, stack }: LogPlace): Promise<string> {
  const settings = readSettings();
  if (stack !== undefined) return (await stackAddresses(resolve(stack))).databaseUrl;
  const { databaseUrl } = hostConfig();
  if (databaseUrl !== undefined) return databaseUrl;
  const folder = dataFolder(data ?? settings.dataDir);
  const embedded = await runningServer(folder.root);
  if (embedded !== undefined) return embedded;
  const stackOfMesh = lockHolder(folder.lock) && meshStackOf(folder, resolve(`${settings.dataDir}-stack`));
  if (stackOfMesh !== undefined) return (await stackAddresses(stackOfMesh)).databaseUrl;
  throw new CommandFailed(
    `No platform is running with the data folder ${folder.root}, so there is no event log to look at.\nStart it with: sluice up${dataOption(folder.root, settings.dataDir)}\nOr name the database with DATABASE_URL, or the stack of a mesh with --stack.`,
  );
}
