import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { processIdentity } from '@sluice/sql';
import { StackError } from '../stack-error.ts';
import { isAlive, type EngineProcess } from './engine-process.ts';

const POLL_MS = 20;
const KILL_DEADLINE_MS = 10_000;
const PARENT_FIELD = 1;

/**
 * Ends a server: asks with `signal`, waits `patienceMs`, then kills it. Children that it leaves behind are killed too.
 * Tells how it went.
 */
export async function endProcess(server: EngineProcess, signal: NodeJS.Signals, patienceMs: number): Promise<'stopped' | 'killed' | 'gone'> {
  if (!(await isAlive(server))) return 'gone';
  // Children are only known while their parent lives.
  const children = await childrenOf(server.pid);
  send(server.pid, signal);
  const willing = await isGone(server, patienceMs);
  if (!willing) send(server.pid, 'SIGKILL');
  if (!willing && !(await isGone(server, KILL_DEADLINE_MS))) throw new StackError(`Process ${server.pid} cannot be ended.`);
  await endChildren(children);
  return willing ? 'stopped' : 'killed';
}

async function endChildren(children: readonly EngineProcess[]): Promise<void> {
  for (const child of children) {
    if (await isAlive(child)) send(child.pid, 'SIGKILL');
    await isGone(child, KILL_DEADLINE_MS);
  }
}

async function isGone(server: EngineProcess, patienceMs: number): Promise<boolean> {
  const endMs = performance.now() + patienceMs;
  do {
    if (!(await isAlive(server))) return true;
    await pause(POLL_MS);
  } while (performance.now() < endMs);
  return false;
}

async function childrenOf(parent: number): Promise<EngineProcess[]> {
  const found: EngineProcess[] = [];
  for (const name of (await readdir('/proc')).filter((one) => /^\d+$/.test(one))) {
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[PARENT_FIELD]) !== parent) continue;
    const started = await processIdentity(Number(name));
    if (started !== undefined) found.push({ pid: Number(name), started });
  }
  return found;
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown;
  }
}
