/**
 * `npm run bench:triton`: a model whose execution takes 50 ms however many requests are in it, on a real Triton: asked straight and
 * through the platform by the same client at 64 connections, and with and without dynamic batching by 40 callers.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort, runScript, until } from '../child.ts';
import { send } from '../govern.ts';
import { startStack } from '../mesh/bench-stack.ts';
import { startPlatform } from '../mesh/started-platform.ts';
import { BATCHED, SINGLE, writeModels } from './model-repository.ts';
import type { InferLoad, InferResult } from './infer-load.ts';

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
const DURATION_MS = values.quick ? 4_000 : 15_000;
const WARM_UP_MS = 3_000;

interface Statistics {
  readonly inference_count: number;
  readonly execution_count: number;
}

async function load(of: Omit<InferLoad, 'durationMs'>): Promise<InferResult> {
  await runScript('./triton/infer-load.ts', [JSON.stringify({ ...of, durationMs: WARM_UP_MS } satisfies InferLoad)]);
  return JSON.parse(await runScript('./triton/infer-load.ts', [JSON.stringify({ ...of, durationMs: DURATION_MS } satisfies InferLoad)])) as InferResult;
}

async function statistics(triton: string, model: string): Promise<Statistics> {
  const answer = await fetch(`${triton}/v2/models/${model}/stats`);
  return ((await answer.json()) as { model_stats: Statistics[] }).model_stats[0]!;
}

const folder = await mkdtemp(join(tmpdir(), 'sluice-triton-bench-'));
const at = (name: string): string => join(folder, name);
writeModels(at('models'));
const stack = await startStack(at('stack'), true, at('models'));
const [port, adminPort] = [await freePort(), await freePort()];
try {
  const { http: triton, grpc } = stack.triton();
  const platform = await startPlatform(['up', '--no-model', '--port', String(port), '--admin-port', String(adminPort), '--data', at('data'), '--ready-file', at('ready.json')], at('ready.json'));
  try {
    const { ready } = platform;
    for (const model of [BATCHED, SINGLE]) await send(ready, 'POST', '/models', { name: model, kserve: { address: grpc, upstream_model: model } });
    await until(async () => (await fetch(`${ready.url}/v2/models/${SINGLE}/ready`, { headers: { authorization: `Bearer ${ready.apiKey}` } })).ok);
    const lines = ['| asked | connections | requests/s | failed | p50 ms | p99 ms | rows an execution |', '|---|---|---|---|---|---|---|'];
    const rows: Record<string, InferResult> = {};
    for (const [name, url, model, connections] of [
      ['straight, batched', triton, BATCHED, 64], ['through Sluice, batched', ready.url, BATCHED, 64],
      ['through Sluice, one by one', ready.url, SINGLE, 40], ['through Sluice, batched, 40', ready.url, BATCHED, 40],
    ] as const) {
      const before = await statistics(triton, model);
      const result = (rows[name] = await load({ url, key: ready.apiKey, model, connections }));
      const after = await statistics(triton, model);
      const together = (after.inference_count - before.inference_count) / (after.execution_count - before.execution_count);
      lines.push(`| ${[name, connections, result.perSecond.toFixed(0), result.failed, result.latencyMs.p50.toFixed(1), result.latencyMs.p99.toFixed(1), together.toFixed(2)].join(' | ')} |`);
    }
    const share = rows['through Sluice, batched']!.perSecond / rows['straight, batched']!.perSecond;
    const gain = rows['through Sluice, batched, 40']!.perSecond / rows['through Sluice, one by one']!.perSecond;
    process.stdout.write(`${lines.join('\n')}\n\nThrough Sluice: ${(share * 100).toFixed(0)} % of the requests a second of asking straight. Dynamic batching: ${gain.toFixed(1)} times as many.\n`);
  } finally {
    await platform.stop();
  }
} finally {
  await stack.remove();
  await rm(folder, { recursive: true, force: true });
}
