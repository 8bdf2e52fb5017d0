import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

/** Stands for the platform: starts the process of a model, says its id when it has answered, and then does nothing. */
const PARENT = `
  import { fork } from 'node:child_process';
  const child = fork(process.argv[1], [], { execArgv: [], serialization: 'advanced', stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  child.on('message', () => process.stdout.write(String(child.pid)));
  child.send({ type: 'load', weightsPath: '/no/such/file', sequences: 1, contextTokens: 64, threads: 1 });
  setInterval(() => undefined, 60_000);
`;

const isAlive = async (pid: number): Promise<boolean> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return status !== '' && !/^State:\s+[ZX]/m.test(status);
};

describe('the process of a model', () => {
  it('outlives a signal to the group, and never its parent, not even one that was killed', async () => {
    const parent = spawn(process.execPath, ['--input-type=module', '-e', PARENT, MAIN], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const [output] = (await once(parent.stdout, 'data')) as [Buffer];
      const pid = Number(output.toString());
      for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.kill(pid, signal);
      await new Promise((resolve) => setImmediate(resolve));
      expect(await isAlive(pid)).toBe(true);
      parent.kill('SIGKILL');
      const deadlineMs = performance.now() + 60_000;
      while ((await isAlive(pid)) && performance.now() < deadlineMs) await new Promise((resolve) => setTimeout(resolve, 10));
      expect(await isAlive(pid)).toBe(false);
    } finally {
      parent.kill('SIGKILL');
    }
  });
});
