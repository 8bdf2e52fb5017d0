import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writePrivateFile } from '../folder/private-file.ts';
import type { StackFolder } from '../folder/stack-folder.ts';
import type { RedisPackage } from '../packages/redis-debs.ts';
import { HOST } from '../ports.ts';
import type { Engine, Say } from './engine.ts';
import { askPort } from './tcp-question.ts';

export interface RedisOptions {
  readonly folder: StackFolder;
  readonly port: number;
  readonly password: string;
  readonly bring: (say: Say, signal: AbortSignal) => Promise<RedisPackage>;
}

/** How this server differs from Redis' defaults, on every route. It refuses writes when it is full: what it holds is no cache. */
export function redisSettings(port: number): Readonly<Record<string, string>> {
  return {
    bind: HOST,
    port: String(port),
    'protected-mode': 'yes',
    appendonly: 'yes',
    appendfsync: 'everysec',
    save: '""',
    maxmemory: '256mb',
    'maxmemory-policy': 'noeviction',
  };
}

const STOP_PATIENCE_MS = 10_000;

/** Its password lies in its settings file, because a command line is for all to read. */
export function redis({ folder, port, password, bring }: RedisOptions): Engine {
  const home = folder.engine('redis');
  const settings = join(home, 'redis.conf');
  return {
    name: 'redis',
    address: `redis://:${password}@${HOST}:${port}`,
    mark: { program: 'redis-server', path: settings },
    stop: { signal: 'SIGTERM', patienceMs: STOP_PATIENCE_MS },
    async prepare(say, signal) {
      const { server, libraries } = await bring(say, signal);
      await mkdir(home, { recursive: true, mode: 0o700 });
      // It renames its process; with the file's name in it, it can still be told from another stack's.
      const all = { ...redisSettings(port), dir: quoted(home), requirepass: password, 'proc-title-template': '"{title} {config-file}"' };
      await writePrivateFile(settings, Object.entries(all).map(([name, value]) => `${name} ${value}\n`).join(''));
      return { words: [server, settings], env: { PATH: '/usr/local/bin:/usr/bin:/bin', ...(libraries !== undefined && { LD_LIBRARY_PATH: libraries }) }, cwd: home };
    },
    async ask(signal) {
      const question = Buffer.from(`AUTH ${password}\r\nPING\r\nINFO server\r\n`);
      return `Redis ${await askPort(port, question, readVersion, signal)}`;
    },
  };
}

/** Undefined while it is not all there. @throws when the server refuses, or is still loading its data */
export function readVersion(heard: Buffer): string | undefined {
  const text = heard.toString('latin1');
  const refused = /^-([^\r]*)\r\n/m.exec(text);
  if (refused) throw new Error(refused[1]);
  return /^redis_version:([\d.]+)\r\n/m.exec(text)?.[1];
}

function quoted(path: string): string {
  return `"${path.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
