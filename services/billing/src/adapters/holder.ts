import { readlink } from 'node:fs/promises';
import { processIdentity } from '@sluice/sql';

/**
 * This process as another one on its machine can find it: its user, its namespace of process numbers, and number, start
 * and boot. Empty where the system does not tell.
 */
export async function thisHolder(): Promise<string> {
  const [sight, identity] = await Promise.all([sightOfProcesses(), processIdentity(process.pid)]);
  return sight === undefined || identity === undefined ? '' : `${sight} ${identity}`;
}

/** True when it is certain that the holder runs no more: it was seen from here as long as it ran, and is not there. */
export async function isGone(holder: string): Promise<boolean> {
  const [user, namespace, pid, start, boot] = holder.split(' ');
  const [sight, own] = await Promise.all([sightOfProcesses(), processIdentity(process.pid)]);
  // Another machine, another container, or processes of another user, which a system may hide.
  if (!boot || own?.split(' ')[2] !== boot || sight !== `${user} ${namespace}`) return false;
  return (await processIdentity(Number(pid))) !== `${pid} ${start} ${boot}`;
}

async function sightOfProcesses(): Promise<string | undefined> {
  const namespace = await readlink('/proc/self/ns/pid').catch(() => undefined);
  return namespace === undefined || !process.getuid ? undefined : `${process.getuid()} ${namespace}`;
}
