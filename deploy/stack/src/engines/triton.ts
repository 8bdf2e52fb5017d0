import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { StackFolder } from '../folder/stack-folder.ts';
import type { TritonPackage } from '../packages/triton-wheel.ts';
import { HOST, type Ports } from '../ports.ts';
import type { Engine, Say } from './engine.ts';
import { removeRegions } from './triton-regions.ts';

/** Puts models into a repository that is Triton's own; everything may be there already. */
export type FillModels = (repository: string, say: Say, signal: AbortSignal) => Promise<void>;

export interface TritonOptions {
  readonly folder: StackFolder;
  readonly ports: Ports;
  /** The model repository; one in the data folder when it is not given. */
  readonly models: string | undefined;
  /** Fills the one in the data folder; without it that stays as it is. */
  readonly fill: FillModels | undefined;
  readonly bring: (say: Say, signal: AbortSignal) => Promise<TritonPackage>;
}

/**
 * How the server is started, on every route. Models are loaded and unloaded by who asks for it, and one that is broken
 * does not keep the others from serving; clients may ping an idle connection twice a second, as the router does.
 */
export function tritonArguments(ports: Ports): readonly string[] {
  return [
    '--model-control-mode=explicit', '--load-model=*', '--exit-on-error=false', '--exit-timeout-secs=5',
    `--grpc-address=${HOST}`, `--grpc-port=${ports.tritonGrpc}`, `--http-address=${HOST}`, `--http-port=${ports.tritonHttp}`,
    `--metrics-address=${HOST}`, `--metrics-port=${ports.tritonMetrics}`, '--allow-gpu-metrics=false',
    '--grpc-keepalive-permit-without-calls=true', '--grpc-http2-min-recv-ping-interval-without-data=500',
    '--grpc-http2-max-pings-without-data=0', '--grpc-http2-max-ping-strikes=0',
  ];
}

/** With an idle stream of a client open it never ends by itself; otherwise it takes its own five seconds and a little. */
const STOP_PATIENCE_MS = 8_000;

const server = z.object({ version: z.string() });
const index = z.array(z.object({ name: z.string(), state: z.string().optional() }));

/** NVIDIA Triton, its address that of gRPC. */
export function triton({ folder, ports, models, fill, bring }: TritonOptions): Engine {
  const home = folder.engine('triton');
  const http = `http://${HOST}:${ports.tritonHttp}`;
  return {
    name: 'triton',
    address: `${HOST}:${ports.tritonGrpc}`,
    also: { http, metrics: `http://${HOST}:${ports.tritonMetrics}/metrics` },
    mark: { program: 'tritonserver', path: `--id=${home}` },
    stop: { signal: 'SIGTERM', patienceMs: STOP_PATIENCE_MS },
    async prepare(say, signal) {
      const { home: installed, env } = await bring(say, signal);
      const repository = models ?? folder.models;
      await mkdir(home, { recursive: true, mode: 0o700 });
      if (models === undefined) {
        await mkdir(repository, { recursive: true, mode: 0o700 });
        await fill?.(repository, say, signal);
      }
      const words = [
        join(installed, 'bin', 'tritonserver'), `--id=${home}`, `--model-repository=${repository}`,
        `--backend-directory=${join(installed, 'backends')}`, `--cache-directory=${join(installed, 'caches')}`, ...tritonArguments(ports),
      ];
      return { words, env, cwd: home };
    },
    async ask(signal) {
      const ready = await fetch(`${http}/v2/health/ready`, { signal });
      if (!ready.ok) throw new Error('it is not ready');
      const { version } = server.parse(await (await fetch(`${http}/v2`, { signal })).json());
      const found = index.parse(await (await fetch(`${http}/v2/repository/index`, { method: 'POST', signal })).json());
      return `Triton ${version}, ${found.filter(({ state }) => state === 'READY').length} of ${found.length} models ready`;
    },
    clear: async () => removeRegions(),
  };
}
