import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { treePids } from '../process-tree.ts';
import { measure, type Figures, type Scenario } from '../scenarios.ts';
import type { Subject } from '../subject.ts';

/** A subject of which one process takes the calls. */
export interface FrontedSubject extends Subject {
  /** The processes that take calls of clients. */
  fronts(): number[];
}

/** What the process that takes calls does by itself; CPU and memory are its alone. */
export interface PinnedFront extends Figures {
  /** Shares of time in which its core, and the others, were busy: who was the limit. */
  readonly busy: { readonly own: number; readonly others: number };
}

const FRONT_CORE = 0;
/** Asked once: a process that was pinned is told how many cores are left to it. */
const CORES = availableParallelism();

/** Pins the process that takes calls to a core of its own and everything else, this process with its load generators among it, to the other cores, and measures. */
export async function measurePinnedFront(subject: FrontedSubject, scenario: Scenario, bystanders: readonly number[]): Promise<PinnedFront> {
  const others = CORES > 2 ? `1-${CORES - 1}` : '1';
  const fronts = subject.fronts();
  for (const pid of treePids([...subject.pids(), ...bystanders, process.pid])) pin(pid, others);
  for (const pid of fronts) pin(pid, String(FRONT_CORE));
  try {
    const before = busyTicks();
    const figures = await measure({ ...subject, pids: () => fronts }, scenario);
    const after = busyTicks();
    const share = (core: (at: number) => boolean): number => {
      const of = (ticks: readonly CoreTicks[], what: keyof CoreTicks): number => ticks.filter((_, at) => core(at)).reduce((sum, one) => sum + one[what], 0);
      return (of(after, 'busy') - of(before, 'busy')) / Math.max(1, of(after, 'all') - of(before, 'all'));
    };
    return { ...figures, busy: { own: share((at) => at === FRONT_CORE), others: share((at) => at !== FRONT_CORE) } };
  } finally {
    for (const pid of treePids([...bystanders, process.pid])) pin(pid, `0-${CORES - 1}`);
  }
}

/** All threads of a process; one that has ended meanwhile needs no core. */
export function pin(pid: number, cores: string): void {
  try {
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', cores, String(pid)], { stdio: 'ignore' });
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') throw thrown;
  }
}

interface CoreTicks {
  readonly busy: number;
  readonly all: number;
}

/** proc(5), `/proc/stat`: of each core user, nice, system, idle, iowait, irq, softirq, steal. */
function busyTicks(): CoreTicks[] {
  return [...readFileSync('/proc/stat', 'utf8').matchAll(/^cpu\d+ (.*)$/gm)].map(([, line]) => {
    const ticks = line!.split(' ').slice(0, 8).map(Number);
    const all = ticks.reduce((sum, one) => sum + one, 0);
    return { busy: all - ticks[3]! - ticks[4]!, all };
  });
}
