import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { basename } from 'node:path';
import { processIdentity } from '@sluice/sql';
import { endProcess } from './end-process.ts';

/**
 * Kills the children that a killed server left: whatever still holds its lock, which they inherited, and is no server
 * of this kind itself. To be called when no server of this folder was found.
 */
export async function endLeftBehind(lock: string, program: string): Promise<void> {
  const path = await realpath(lock).catch(() => undefined);
  if (path === undefined) return;
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    if (!(await holds(pid, path))) continue;
    const first = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split(/[\0 ]/)[0]!;
    const started = await processIdentity(Number(pid));
    if (started !== undefined && basename(first.replace(/:$/, '')) !== program) await endProcess({ pid: Number(pid), started }, 'SIGKILL', 0);
  }
}

async function holds(pid: string, path: string): Promise<boolean> {
  const folder = `/proc/${pid}/fd`;
  const files = await readdir(folder).catch(() => []);
  const links = await Promise.all(files.map(async (fd) => readlink(`${folder}/${fd}`).catch(() => '')));
  return links.includes(path);
}
