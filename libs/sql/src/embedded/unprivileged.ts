import { execFile } from 'node:child_process';
import { chmod, chown, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** How a program is started so that PostgreSQL, which refuses to run as root, agrees. */
export interface Launcher {
  readonly prefix: readonly string[];
  readonly identity: { readonly uid: number; readonly gid: number } | undefined;
  /** Makes a folder and all in it the program's own. */
  own(folder: string): Promise<void>;
  /** Lets the program walk through a folder that is not its own. */
  letThrough(folder: string): Promise<void>;
}

const NAMESPACE = ['unshare', '--user', '--map-user=1000', '--map-group=1000'] as const;
const NOBODY = 65_534;
const PROBE_DEADLINE_MS = 5_000;

const nothing = async (): Promise<void> => undefined;

/** Root as `nobody`: the folders above the data must let it through too (mode 0711), which only their owner can decide. */
export const AS_NOBODY: Launcher = {
  prefix: [],
  identity: { uid: NOBODY, gid: NOBODY },
  own: (folder) => ownAll(folder, NOBODY),
  letThrough: (folder) => chmod(folder, 0o711),
};

/**
 * An ordinary user starts programs as they are. Root starts them in a user namespace, where they see themselves as
 * user 1000 while files stay root's; where namespaces are switched off, as `nobody`, whose folders must then be its own.
 */
export async function findLauncher(uid = process.getuid?.()): Promise<Launcher> {
  if (uid !== 0) return { prefix: [], identity: undefined, own: nothing, letThrough: nothing };
  if (await runs([...NAMESPACE, 'true'])) return { prefix: NAMESPACE, identity: undefined, own: (folder) => ownAll(folder, 0), letThrough: nothing };
  return AS_NOBODY;
}

async function runs([file, ...args]: readonly string[]): Promise<boolean> {
  return promisify(execFile)(file!, args, { timeout: PROBE_DEADLINE_MS }).then(() => true, () => false);
}

/** The data may come from a run under the other way, so what belongs to someone else is taken over. */
async function ownAll(path: string, uid: number): Promise<void> {
  const stats = await lstat(path);
  if (stats.uid !== uid) await chown(path, uid, uid);
  if (!stats.isDirectory()) return;
  for (const name of await readdir(path)) await ownAll(join(path, name), uid);
}
