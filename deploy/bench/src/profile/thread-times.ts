import { readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100;

/** CPU time of a process by its threads, from /proc (Linux): the one that runs JavaScript, and those of the runtime, ended ones included. */
export function threadTimes(pid: number): { readonly mainMs: number; readonly othersMs: number } {
  const mainMs = cpuMs(`/proc/${pid}/task/${pid}/stat`);
  return { mainMs, othersMs: cpuMs(`/proc/${pid}/stat`) - mainMs };
}

/** proc(5): utime and stime, fields 14 and 15; the second is behind the command's name, which may hold anything. */
function cpuMs(file: string): number {
  const text = readFileSync(file, 'utf8');
  const fields = text.slice(text.lastIndexOf(') ') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * (1000 / TICKS_PER_SECOND);
}
