import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from '../child.ts';

const run = promisify(execFile);
/** A machine from nothing brings the servers first. */
const UP_LIMIT_MS = 600_000;

/** Real servers in a folder of their own. */
export interface BenchStack {
  readonly folder: string;
  /** Addresses of Triton: a URL for HTTP, `host:port` for gRPC. */
  triton(): { readonly http: string; readonly grpc: string };
  /** Of each server, in no order. */
  pids(): number[];
  /** Stops them and takes their data away. */
  remove(): Promise<void>;
}

interface Engines {
  readonly engines: Readonly<Record<string, { readonly pid: number; readonly address: string; readonly also?: { readonly http?: string } }>>;
}

/** Starts Kafka (three brokers, or one when small), PostgreSQL, Redis and Triton, with the models of a repository. */
export async function startStack(folder: string, small: boolean, models?: string): Promise<BenchStack> {
  const sluice = async (...words: string[]): Promise<unknown> => run(join(repositoryRoot, 'sluice'), ['stack', ...words, '--data', folder], { timeout: UP_LIMIT_MS });
  await sluice('up', ...(small ? ['--small'] : []), ...(models === undefined ? [] : ['--models', models]));
  const running = (): Engines['engines'] => (JSON.parse(readFileSync(join(folder, 'stack.json'), 'utf8')) as Engines).engines;
  return {
    folder,
    triton() {
      const { address: grpc, also } = running()['triton']!;
      return { http: also!.http!, grpc };
    },
    pids: () => Object.values(running()).map(({ pid }) => pid),
    remove: async () => void (await sluice('reset', '--yes')),
  };
}
