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

/** `sluice backup`: asks the platform while it runs, starts only its database otherwise. Returns where the backup lies. */
export async function backUp(dir: string, dataDir: string | undefined): Promise<string> {
  const target = resolve(dir);
  const settings = readSettings();
  const folder = dataFolder(dataDir ?? settings.dataDir);
  if (settings.adminUrl !== undefined || lockHolder(folder.lock)) {
    return (await adminApi(dataDir === undefined ? {} : { data: dataDir }).send('POST', '/backups', backup, { directory: target })).directory;
  }
  const { databaseUrl, rootKeyFile } = hostConfig();
  if (databaseUrl !== undefined) throw new CommandFailed('The database is a server of your own (DATABASE_URL): back it up with its own tools.');
  if (!existsSync(join(folder.postgres, 'PG_VERSION'))) throw new CommandFailed(`There is no platform in ${folder.root}. Give its data folder with --data.`);
  const lock = takeLock(folder.lock);
  try {
    const { EmbeddedPostgres } = await import('@sluice/sql');
    const postgres = await EmbeddedPostgres.start(folder.root);
    try {
      await makeBackup({ folder, rootKeyFile: rootKeyFile ?? folder.rootKey, copyDatabase: async (draft) => postgres.backup(draft) }, target, Date.now());
    } finally {
      await postgres.stop();
    }
  } finally {
    lock.release();
  }
  return target;
}
