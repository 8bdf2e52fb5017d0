import { setTimeout as pause } from 'node:timers/promises';
import { isAlive, type ProcessIdentity } from '../data-folder/process-identity.ts';

/** They end by themselves once their supervisor is gone, after the calls that they have under way. */
const PATIENCE_MS = 45_000;
const POLL_MS = 50;

/** Waits for the processes of a supervisor that was killed to end, and ends those at last that do not. */
export async function endLeftBehind(processes: Readonly<Record<string, ProcessIdentity>>, say: (text: string) => void, signal: AbortSignal): Promise<void> {
  const left = (): ProcessIdentity[] => Object.values(processes).filter(isAlive);
  if (left().length === 0) return;
  say(`Waiting for ${left().length} processes of a mesh whose supervisor was killed ...`);
  const untilMs = performance.now() + PATIENCE_MS;
  while (left().length > 0 && performance.now() < untilMs) {
    signal.throwIfAborted();
    await pause(POLL_MS);
  }
  for (const { pid } of left()) killIfThere(pid);
  while (left().length > 0) await pause(POLL_MS);
}

/** Whoever ended by itself in the same moment is gone all the same. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
