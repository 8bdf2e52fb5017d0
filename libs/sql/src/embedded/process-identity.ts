import { readFile } from 'node:fs/promises';

/** Field 22 of `/proc/<pid>/stat`: start time in clock ticks since boot; counted after the closing bracket of field 2. */
const START_TIME_AFTER_NAME = 19;

/**
 * Names a process beyond the reuse of its number: pid, start time and boot. Undefined when there is no such process,
 * or only its remains (a zombie).
 */
export async function processIdentity(pid: number): Promise<string | undefined> {
  try {
    const [stat, boot] = await Promise.all([readFile(`/proc/${pid}/stat`, 'utf8'), readFile('/proc/sys/kernel/random/boot_id', 'utf8')]);
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return `${pid} ${fields[START_TIME_AFTER_NAME]} ${boot.trim()}`;
  } catch {
    return undefined;
  }
}
