/**
 * `npm run soak -- [MINUTES]`: the whole platform with everything on, at about half of what this machine carries, for an
 * hour or as long as is said. Prints memory and CPU minute by minute, then what the ledger and the log say of themselves.
 */
import { setInterval as every } from 'node:timers';
import { freePort, runScript, startScript, stop } from './child.ts';
import { send } from './govern.ts';
import type { LoadOptions, LoadResult } from './load-options.ts';
import { treeUsage } from './process-tree.ts';
import { sluiceSubject } from './sluice-subject.ts';

const MINUTE_MS = 60_000;
const CONNECTIONS = 64;
/** With so many connections about half of the calls a second that two cores carry beside the load itself. */
const CALL_EVERY_MS = 160;
/** Every eighth connection reads streams. */
const STREAMS = CONNECTIONS / 8;

const minutes = Number(process.argv[2] ?? 60);
const upstreamPort = await freePort();
const upstream = await startScript('./mock-upstream.ts', upstreamPort);
const subject = await sluiceSubject(upstreamPort, true);
const startedMs = performance.now();
process.stdout.write('| minute | memory MiB | CPU s |\n|---|---|---|\n');
const watch = every(() => row(), MINUTE_MS);
try {
  row();
  const [whole, streamed] = await Promise.all([load({ connections: CONNECTIONS - STREAMS, stream: false, chunks: 0, gapMs: 0 }), load({ connections: STREAMS, stream: true, chunks: 32, gapMs: 10 })]);
  clearInterval(watch);
  await subject.drained();
  row();
  const check = await send<{ ok: boolean; calls: string; billed: string; held: string; faults: object[] }>(subject.admin, 'GET', '/ledger/check');
  process.stdout.write(`\n${JSON.stringify({ minutes, whole: told(whole), streamed: told(streamed), ledger: check })}\n`);
  if (!check.ok || check.held !== '0') process.exitCode = 1;
} finally {
  clearInterval(watch);
  await subject.stop();
  await stop(upstream);
}

function row(): void {
  const { memoryBytes, cpuMs } = treeUsage(subject.pids());
  process.stdout.write(`| ${Math.round((performance.now() - startedMs) / MINUTE_MS)} | ${Math.round(memoryBytes / 2 ** 20)} | ${Math.round(cpuMs / 1000)} |\n`);
}

async function load(options: Pick<LoadOptions, 'connections' | 'stream' | 'chunks' | 'gapMs'>): Promise<LoadResult> {
  const { port, key, model } = subject;
  const all: LoadOptions = { ...options, port, key, model, durationMs: minutes * MINUTE_MS, once: false, everyMs: CALL_EVERY_MS };
  return JSON.parse(await runScript('./load.ts', [JSON.stringify(all)])) as LoadResult;
}

function told({ answered, failures, latencyMs }: LoadResult): object {
  return { answered, failures, latencyMs };
}
