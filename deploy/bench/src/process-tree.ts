import { readFileSync, readdirSync } from 'node:fs';

const TICKS_PER_SECOND = 100;

export interface TreeUsage {
  /** User and system time of every process of the tree since it started, ended children included. */
  readonly cpuMs: number;
  /** Proportional set size: pages that several processes share, as PostgreSQL's do, count once. */
  readonly memoryBytes: number;
}

/** CPU time and memory of some processes and all their descendants, from /proc (Linux). */
export function treeUsage(roots: readonly number[]): TreeUsage {
  const members = membersOf(roots);
  return {
    cpuMs: members.reduce((sum, { ticks }) => sum + ticks, 0) * (1000 / TICKS_PER_SECOND),
    memoryBytes: members.reduce((sum, { pid }) => sum + proportionalBytes(pid), 0),
  };
}

/** The processes and all their descendants. */
export function treePids(roots: readonly number[]): number[] {
  return membersOf(roots).map(({ pid }) => pid);
}

function membersOf(roots: readonly number[]): Stat[] {
  const stats = new Map(allPids().flatMap((pid) => readStat(pid)).map((stat) => [stat.pid, stat]));
  const inTree = (pid: number): boolean => roots.includes(pid) || (stats.has(pid) && inTree(stats.get(pid)!.parent));
  return [...stats.values()].filter(({ pid }) => inTree(pid));
}

function allPids(): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number);
}

interface Stat {
  readonly pid: number;
  readonly parent: number;
  readonly ticks: number;
}

/** proc(5): fields behind the command name; 14 to 17 are utime, stime, cutime, cstime. */
function readStat(pid: number): Stat[] {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    const number = (field: number) => Number(fields[field - 3]);
    return [{ pid, parent: number(4), ticks: number(14) + number(15) + number(16) + number(17) }];
  } catch {
    return []; // It ended between the listing and the reading.
  }
}

/** proc(5): `Pss` of smaps_rollup, in KiB. */
function proportionalBytes(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0; // It ended between the listing and the reading.
  }
}
