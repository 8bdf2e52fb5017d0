import { CommandFailed } from '../exit-code.ts';
import { readSettings } from '../settings.ts';
import { restoreBackup } from './backup.ts';
import { dataFolder } from './data-folder.ts';
import { lockHolder } from './lock.ts';

/** `sluice restore`: never under a running platform. */
export async function restore(dir: string, options: { data?: string; force?: boolean }): Promise<{ root: string; keptAs?: string }> {
  const folder = dataFolder(options.data ?? readSettings().dataDir);
  const holder = lockHolder(folder.lock);
  if (holder) throw new CommandFailed(`The platform of ${folder.root} is running (process ${holder.pid}). Stop it first.`);
  return { root: folder.root, ...(await restoreBackup(dir, folder, options.force ?? false, Date.now())) };
}
