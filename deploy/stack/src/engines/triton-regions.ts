import { lstat, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

const SHARED_MEMORY = '/dev/shm';
const REGION = 'triton_python_backend_shm_region_';

/**
 * Removes the shared memory of Python models that no process uses: killed stubs leave it behind, until the machine is
 * restarted. Only that of one user: which processes use another's cannot be seen, and theirs may be at work. What cannot be
 * removed stays; it keeps no server from starting.
 */
export async function removeRegions(folder = SHARED_MEMORY, userId = process.getuid?.()): Promise<void> {
  const named = (await readdir(folder).catch(() => [])).filter((name) => name.startsWith(REGION));
  const owners = await Promise.all(named.map(async (name) => lstat(join(folder, name)).then(({ uid }) => uid, () => undefined)));
  const own = named.filter((_, at) => owners[at] !== undefined && owners[at] === userId);
  if (own.length === 0) return;
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const maps = await Promise.all(processes.map(async (pid) => readFile(`/proc/${pid}/maps`, 'utf8').catch(() => '')));
  for (const name of own) {
    if (!maps.some((map) => map.includes(name))) await rm(join(folder, name), { force: true }).catch(() => undefined);
  }
}
