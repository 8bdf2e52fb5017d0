import { CommandFailed } from '../exit-code.ts';
import { readSettings } from '../settings.ts';
import { checkBackup, restoreBackup } from './backup.ts';
import { dataFolder } from './data-folder.ts';
import { lockHolder } from './lock.ts';

export interface Restored {
  readonly root: string;
  /** Where the folder is now that was there before. */
  readonly keptAs?: string;
}

/** `sluice restore`: never under a running platform. */
export async function restore(dir: string, options: { data?: string; force?: boolean }, signal: AbortSignal): Promise<Restored> {
  const folder = dataFolder(options.data ?? readSettings().dataDir);
  const source = checkBackup(dir);
  const holder = lockHolder(folder.lock);
  if (holder) throw new CommandFailed(`The platform of ${folder.root} is running (process ${holder.pid}). Stop it first.`);
  process.stderr.write(`Copying the backup to ${folder.root} ...\n`);
  return { root: folder.root, ...(await restoreBackup(source, folder, { force: options.force ?? false, nowMs: Date.now(), signal })) };
}
