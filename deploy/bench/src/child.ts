import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const repositoryRoot = fileURLToPath(new URL('../../../', import.meta.url));
const START_LIMIT_MS = 60_000;
const POLL_MS = 50;

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts a script of this folder as a process of its own and waits until its port answers. */
export async function startScript(script: string, port: number, args: readonly string[] = []): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), [String(port), ...args], {
    execArgv: ['--conditions=@sluice/source', '--import', `${repositoryRoot}deploy/host/source-loader.mjs`, '--no-warnings'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`${script} ended with ${child.exitCode}`);
    return (await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(1000) }).catch(() => undefined)) !== undefined;
  });
  return child;
}

/** Runs a script to its end; resolves to what it printed. */
export async function runScript(script: string, args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, ['--conditions=@sluice/source', '--import', `${repositoryRoot}deploy/host/source-loader.mjs`, '--no-warnings', fileURLToPath(new URL(script, import.meta.url)), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (printed += part));
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`${script} ended with ${code}`);
  return printed;
}

export async function until(condition: () => Promise<boolean>, limitMs = START_LIMIT_MS, pollMs = POLL_MS): Promise<void> {
  const deadlineMs = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`waited ${limitMs} ms in vain`);
    await delay(pollMs);
  }
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}
