import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { processIdentity } from './process-identity.ts';

/** What a running server says of itself in `postmaster.pid` (PostgreSQL: miscadmin.h, LOCK_FILE_LINE_*). */
export interface PostmasterPid {
  readonly pid: number;
  /** Line 8: `starting`, `ready`, `stopping`, `standby`. */
  readonly state: string;
}

const STATE_LINE = 7;
const POLL_MS = 10;

export async function readPostmasterPid(cluster: string): Promise<PostmasterPid | undefined> {
  const text = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => undefined);
  const lines = text?.split('\n');
  const pid = Number(lines?.[0]);
  return lines && Number.isInteger(pid) && pid > 0 ? { pid, state: lines[STATE_LINE]?.trim() ?? '' } : undefined;
}

/**
 * Makes sure that no server runs on this cluster: ends one that outlived the process which started it, and removes
 * the file of one that is gone. A file that names a live process which is not this cluster's server (process numbers
 * are used again, above all in containers) would keep PostgreSQL from starting, so it is removed as well.
 */
export async function endOrphan(cluster: string, deadlineMs: number): Promise<boolean> {
  const found = await readPostmasterPid(cluster);
  if (found === undefined) return false;
  const alive = await isServerOf(found.pid, cluster);
  if (alive) await endServer(found.pid, deadlineMs);
  await rm(join(cluster, 'postmaster.pid'), { force: true });
  return alive;
}

/** SIGINT asks for a fast shutdown: clients are dropped, everything is written. SIGKILL when that takes too long. */
export async function endServer(pid: number, deadlineMs: number): Promise<void> {
  const identity = await processIdentity(pid);
  if (identity === undefined) return;
  signal(pid, 'SIGINT');
  if (await isGone(pid, identity, deadlineMs)) return;
  signal(pid, 'SIGKILL');
  if (!(await isGone(pid, identity, deadlineMs))) throw new Error(`PostgreSQL (process ${pid}) cannot be ended.`);
}

async function isGone(pid: number, identity: string, deadlineMs: number): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < deadlineMs; waitedMs += POLL_MS) {
    if ((await processIdentity(pid)) !== identity) return true;
    await pause(POLL_MS);
  }
  return false;
}

/** Whether this process is the server of this cluster, and not another one with its number. */
export async function isServerOf(pid: number, cluster: string): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  const words = command.split('\0');
  return words[0]?.endsWith('postgres') === true && words.includes(cluster);
}

function signal(pid: number, name: 'SIGINT' | 'SIGKILL'): void {
  try {
    process.kill(pid, name);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown;
  }
}
