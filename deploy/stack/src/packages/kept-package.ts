import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The folder `name` of the cache, made by `fill` when it is not there. It is filled under another name and moved when it
 * is complete and every digest is right, so what has this name was checked; whatever ends before leaves nothing.
 */
export async function keptPackage(cache: string, name: string, fill: (draft: string) => Promise<void>): Promise<string> {
  const kept = join(cache, name);
  if (existsSync(kept)) return kept;
  await mkdir(cache, { recursive: true });
  const draft = join(cache, `${name}.${randomBytes(6).toString('hex')}.new`);
  await mkdir(draft);
  try {
    await fill(draft);
    await rename(draft, kept).catch((error: NodeJS.ErrnoException) => {
      // Somebody else was faster, and what they made is the same.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return kept;
}
