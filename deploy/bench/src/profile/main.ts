/**
 * `npm run -s profile -- OUT.svg`: where the time of a request goes with everything on, at 64 connections. Writes the main
 * thread's flame graph, and prints what a request costs by thread and by part of the house. Sampling itself costs some 10 %.
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, runScript, startScript, stop } from '../child.ts';
import type { LoadOptions, LoadResult } from '../load-options.ts';
import { treeUsage } from '../process-tree.ts';
import { sluiceSubject } from '../sluice-subject.ts';
import { callTree, timeByPart, type CpuProfile } from './cpu-profile.ts';
import { flameGraph } from './flame-graph.ts';
import { threadTimes } from './thread-times.ts';

const WARM_UP_MS = 8_000;
const LOAD_MS = 20_000;
const PARTS_SHOWN = 20;

const out = process.argv[2];
if (!out) throw new Error('Say where the flame graph goes: npm run -s profile -- OUT.svg');
const folder = mkdtempSync(join(tmpdir(), 'sluice-profile-'));
const upstreamPort = await freePort();
const upstream = await startScript('./mock-upstream.ts', upstreamPort);
try {
  const subject = await sluiceSubject(upstreamPort, true, `--cpu-prof --cpu-prof-interval=500 --cpu-prof-dir=${folder}`);
  const load = async (durationMs: number): Promise<LoadResult> => {
    const { port, key, model } = subject;
    const options: LoadOptions = { port, key, model, durationMs, connections: 64, once: false, stream: false, chunks: 0, gapMs: 0 };
    return JSON.parse(await runScript('./load.ts', [JSON.stringify(options)])) as LoadResult;
  };
  await load(WARM_UP_MS);
  await subject.drained();
  const [platform, ...database] = subject.pids();
  const before = { atUs: nowUs(), threads: threadTimes(platform!), databaseMs: treeUsage(database).cpuMs };
  const { answered } = await load(LOAD_MS);
  await subject.drained();
  const [toUs, threads, databaseMs] = [nowUs(), threadTimes(platform!), treeUsage(database).cpuMs];
  await subject.stop();
  const [file] = readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'));
  const tree = callTree(JSON.parse(readFileSync(join(folder, file!), 'utf8')) as CpuProfile, before.atUs, toUs);
  writeFileSync(out, flameGraph(tree, 'A request with everything on: the main thread, 64 connections, not streamed'));
  const each = (ms: number): string => `${Math.round((ms * 1000) / answered)} µs`;
  process.stdout.write(`${answered} requests\n\n| of a request | CPU |\n|---|---|\n| main thread | ${each(threads.mainMs - before.threads.mainMs)} |\n| threads of the runtime | ${each(threads.othersMs - before.threads.othersMs)} |\n| PostgreSQL | ${each(databaseMs - before.databaseMs)} |\n\n| part of the main thread | share |\n|---|---|\n`);
  for (const [part, us] of timeByPart(tree).slice(0, PARTS_SHOWN)) process.stdout.write(`| ${part} | ${((100 * us) / tree.totalUs).toFixed(1)} % |\n`);
} finally {
  await stop(upstream);
  rmSync(folder, { recursive: true, force: true });
}

/** On the clock of the profile. */
function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
