import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { hostConfig } from '@sluice/host';
import { CommandFailed } from '../exit-code.ts';
import { backup } from '../platform-api/answers.ts';
import { adminApi } from '../platform-api/connection.ts';
import { readSettings } from '../settings.ts';
import { makeBackup } from './backup.ts';
import { dataFolder } from './data-folder.ts';
import { lockHolder, takeLock } from './lock.ts';

export interface BackedUp {
  readonly directory: string;
  /** Address of the platform on whose machine that is, where one was given by its address. */
  readonly at: string | undefined;
}

/** `sluice backup`: asks the platform while it runs, starts only its database otherwise. Returns where the backup lies; nothing lies there when the signal aborts. */
export async function backUp(dir: string, dataDir: string | undefined, signal: AbortSignal): Promise<BackedUp> {
  const target = resolve(dir);
  const settings = readSettings();
  const folder = dataFolder(dataDir ?? settings.dataDir);
  if (settings.adminUrl !== undefined || lockHolder(folder.lock)) {
    const api = adminApi(dataDir === undefined ? {} : { data: dataDir });
    const at = settings.adminUrl === undefined ? undefined : api.origin;
    process.stderr.write(`The platform at ${api.origin} copies itself to ${target}${at === undefined ? '' : ' on its own machine'} ...\n`);
    const { directory } = await api.send('POST', '/backups', backup, { directory: target }, signal);
    return { directory, at };
  }
  const { databaseUrl, rootKeyFile } = hostConfig();
  if (databaseUrl !== undefined) throw new CommandFailed('The database is a server of your own (DATABASE_URL): back it up with its own tools.');
  if (!existsSync(join(folder.postgres, 'PG_VERSION'))) throw new CommandFailed(`There is no platform in ${folder.root}. Give its data folder with --data.`);
  process.stderr.write(`Copying ${folder.root} to ${target} ...\n`);
  const lock = takeLock(folder.lock);
  try {
    const { EmbeddedPostgres } = await import('@sluice/sql');
    const postgres = await EmbeddedPostgres.start(folder.root);
    try {
      await makeBackup({ folder, rootKeyFile: rootKeyFile ?? folder.rootKey, copyDatabase: async (draft) => postgres.backup(draft, signal) }, target, Date.now(), signal);
    } finally {
      await postgres.stop();
    }
  } finally {
    lock.release();
  }
  return { directory: target, at: undefined };
}
