import { runScript } from './child.ts';
import type { LoadOptions, LoadResult } from './load-options.ts';
import { treeUsage } from './process-tree.ts';
import type { Subject } from './subject.ts';

export interface Figures {
  readonly subject: string;
  readonly scenario: string;
  readonly load: LoadResult;
  /** CPU of all processes of the subject, consumers drained, per answered request and per chunk, in microseconds. */
  readonly cpuPerRequestUs: number;
  readonly cpuPerChunkUs: number;
  /** Memory ten seconds into the load (or at its start, when it is shorter) and at its end. */
  readonly memoryMiB: { readonly early: number; readonly late: number };
}

export interface Scenario {
  readonly name: string;
  readonly load: Omit<LoadOptions, 'port' | 'key' | 'model'>;
}

/** Durations in a full run; a quick run divides them. */
export function scenarios(quick: boolean): readonly Scenario[] {
  const seconds = (full: number) => (quick ? full / 4 : full) * 1000;
  return [
    { name: 'requests', load: { connections: 64, durationMs: seconds(12), once: false, stream: false, chunks: 0, gapMs: 0 } },
    { name: 'latency', load: { connections: 1, durationMs: seconds(6), once: false, stream: false, chunks: 0, gapMs: 0 } },
    { name: 'first token', load: { connections: 1, durationMs: seconds(6), once: false, stream: true, chunks: 4, gapMs: 10 } },
    { name: 'chunks', load: { connections: 64, durationMs: seconds(12), once: false, stream: true, chunks: 64, gapMs: 10 } },
    { name: 'hold', load: { connections: 256, durationMs: 0, once: true, stream: true, chunks: Math.floor(seconds(60) / 50), gapMs: 50 } },
  ];
}

/** Reading memory costs a millisecond a process. */
const SAMPLE_EVERY_MS = 5000;
const EARLY_SAMPLE = 2;
/** Until the runtime has compiled what is hot: before, a call costs up to half as much again. Not shortened by a quick run. */
const WARM_UP_MS = 6000;

export async function measure(subject: Subject, scenario: Scenario): Promise<Figures> {
  if (!scenario.load.once) await load(subject, { ...scenario.load, durationMs: WARM_UP_MS });
  await subject.drained();
  const before = treeUsage(subject.pids());
  const samples = [before.memoryBytes];
  const sampling = setInterval(() => samples.push(treeUsage(subject.pids()).memoryBytes), SAMPLE_EVERY_MS);
  const result = await load(subject, scenario.load).finally(() => clearInterval(sampling));
  await subject.drained();
  const cpuUs = (treeUsage(subject.pids()).cpuMs - before.cpuMs) * 1000;
  return {
    subject: subject.name, scenario: scenario.name, load: result,
    cpuPerRequestUs: cpuUs / Math.max(1, result.answered),
    cpuPerChunkUs: cpuUs / Math.max(1, result.chunks),
    memoryMiB: { early: samples[Math.min(EARLY_SAMPLE, samples.length - 1)]! / 2 ** 20, late: samples.at(-1)! / 2 ** 20 },
  };
}

async function load(subject: Subject, options: Scenario['load']): Promise<LoadResult> {
  const { port, key, model } = subject;
  return JSON.parse(await runScript('./load.ts', [JSON.stringify({ ...options, port, key, model } satisfies LoadOptions)])) as LoadResult;
}
