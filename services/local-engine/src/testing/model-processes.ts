import { readFile, readdir } from 'node:fs/promises';

/** The processes of models that this process started; read from the system, because none may be forgotten. */
export async function modelProcesses(): Promise<number[]> {
  const found: number[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const [status, command] = await Promise.all([`/proc/${pid}/status`, `/proc/${pid}/cmdline`].map((path) => readFile(path, 'utf8').catch(() => '')));
    if (status!.includes(`\nPPid:\t${process.pid}\n`) && command!.includes('llama-process')) found.push(Number(pid));
  }
  return found;
}
