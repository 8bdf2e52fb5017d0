import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

const UNFINISHED = '.unfinished-';

/** What a killed process left behind; nothing is downloaded or unpacked for a day. */
const STALE_AFTER_MS = 24 * 60 * 60_000;

/**
 * Runs work in a new folder inside `parent`, which is made when it is not there, so that what is done can be renamed
 * into it whole. The folder is removed at the end, however the work ends; those of killed processes are removed first.
 */
export async function inUnfinishedFolder<T>(parent: string, work: (folder: string) => Promise<T>): Promise<T> {
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(join(parent, UNFINISHED));
  try {
    // The file system's own time: its clock may be another machine's.
    await removeStale(parent, (await stat(folder)).mtimeMs - STALE_AFTER_MS);
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function removeStale(parent: string, olderThanMs: number): Promise<void> {
  const names = (await readdir(parent)).filter((name) => name.startsWith(UNFINISHED));
  for (const name of names) {
    const path = join(parent, name);
    const found = await stat(path).catch(() => undefined);
    if (found && found.mtimeMs < olderThanMs) await rm(path, { recursive: true, force: true });
  }
}
