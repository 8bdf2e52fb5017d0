import { execFileSync } from 'node:child_process';
import { z } from 'zod';
import { readFileIfThere } from './private-file.ts';

/** A process id is given again to others; with the start time it names one process for ever. */
export const processIdentity = z.object({ pid: z.int().positive(), started: z.string().min(1) });
export type ProcessIdentity = z.infer<typeof processIdentity>;

const START_TIME_FIELD = 22;
const PS_DEADLINE_MS = 5_000;

export function ownIdentity(): ProcessIdentity {
  return identityOf(process.pid);
}

export function identityOf(pid: number): ProcessIdentity {
  return { pid, started: startedAt(pid) ?? 'unknown' };
}

export function isAlive(identity: ProcessIdentity): boolean {
  return startedAt(identity.pid) === identity.started;
}

/** Boot and start time as Linux counts them (proc(5), field 22 of `stat`); by `ps` elsewhere. Undefined when there is no such process. */
function startedAt(pid: number): string | undefined {
  const boot = readFileIfThere('/proc/sys/kernel/random/boot_id')?.trim();
  if (boot === undefined) return startedAtByPs(pid);
  const stat = readProcStat(pid);
  if (stat === undefined) return undefined;
  // The second field is the program's name in parentheses and may itself hold blanks and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const zombie = fields[0] === 'Z';
  return zombie ? undefined : `${boot}/${fields[START_TIME_FIELD - 3]}`;
}

function readProcStat(pid: number): string | undefined {
  try {
    return readFileIfThere(`/proc/${pid}/stat`);
  } catch {
    // ESRCH: the process ended between the opening and the reading.
    return undefined;
  }
}

function startedAtByPs(pid: number): string | undefined {
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', timeout: PS_DEADLINE_MS }).trim() || undefined;
  } catch {
    return undefined;
  }
}
