import { open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { processIdentity } from './process-identity.ts';

const MAX_TRIES = 3;

/**
 * Marks a data folder as in use by this process. A mark whose process is gone (it was killed) is replaced.
 * Fails while another process uses the folder. Returns the function that takes the mark away.
 */
export async function takeOwnership(dataDir: string): Promise<() => Promise<void>> {
  const path = join(dataDir, 'postgres.owner');
  const own = await processIdentity(process.pid);
  if (own === undefined) throw new Error('The embedded PostgreSQL needs /proc to tell processes apart.');
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    try {
      const file = await open(path, 'wx', 0o600);
      await file.writeFile(own);
      await file.close();
      return () => unlink(path).catch(() => undefined);
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
    }
    const other = await readFile(path, 'utf8').catch(() => '');
    const pid = Number(other.split(' ')[0]);
    if (other !== '' && (await processIdentity(pid)) === other) throw new Error(`The data folder ${dataDir} is in use by process ${pid}.`);
    await unlink(path).catch(() => undefined);
  }
  throw new Error(`The data folder ${dataDir} is being taken by another process.`);
}
