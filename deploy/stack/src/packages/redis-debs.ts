import { readdir, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Say } from '../engines/engine.ts';
import { REDIS_DEBS, REDIS_VERSION } from '../pins.ts';
import { askTool, runTool } from '../processes/run-tool.ts';
import { MissingTool, StackError } from '../stack-error.ts';
import { checkDigest } from './digest.ts';
import { keptPackage } from './kept-package.ts';

export interface RedisPackage {
  readonly server: string;
  /** Where its libraries lie; undefined when the system has them. */
  readonly libraries: string | undefined;
}

const HOW = `Debian 12 has it; elsewhere put redis-server ${REDIS_VERSION} on the PATH`;

/** The server on the PATH if it has the version of the stack, else Debian's packages, unpacked and not installed. */
export async function bringRedis(cache: string, say: Say, signal: AbortSignal): Promise<RedisPackage> {
  if (redisVersion(await askTool(['redis-server', '--version'])) === REDIS_VERSION) return { server: 'redis-server', libraries: undefined };
  const kept = await keptPackage(cache, `redis-${REDIS_VERSION}`, async (draft) => {
    for (const tool of ['apt-get', 'apt-cache', 'dpkg']) {
      if ((await askTool([tool, '--version'])) === undefined) throw new MissingTool(`${tool}, to bring Redis ${REDIS_VERSION}`, HOW);
    }
    say(`redis: bringing Redis ${REDIS_VERSION} (1.3 MB) with apt-get`);
    await fetchDebs(draft, say, signal);
    await checkRuns(foundIn(draft));
  });
  return foundIn(kept);
}

/** Of `Redis server v=7.0.15 sha=00000000:0 ...`. */
export function redisVersion(said: string | undefined): string | undefined {
  return /\bv=([\d.]+)/.exec(said ?? '')?.[1];
}

/** Debian has the server in `redis-tools`, under two names. */
function foundIn(folder: string): RedisPackage {
  return { server: join(folder, 'usr', 'bin', 'redis-server'), libraries: join(folder, 'usr', 'lib', 'x86_64-linux-gnu') };
}

/** By the lists of packages that the machine has; where they are missing or too old, by new ones that are thrown away after. */
async function fetchDebs(folder: string, say: Say, signal: AbortSignal): Promise<void> {
  try {
    await fetchAll(folder, [], signal);
  } catch {
    signal.throwIfAborted();
    const lists = join(folder, 'lists');
    await mkdir(join(lists, 'partial'), { recursive: true });
    const own = Object.entries({ 'Dir::State::Lists': lists, 'Dir::Cache::pkgcache': '', 'Dir::Cache::srcpkgcache': '', 'Debug::NoLocking': '1', 'APT::Sandbox::User': 'root' }).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
    say('redis: the lists of packages are missing or old; bringing new ones');
    await runTool(['apt-get', ...own, 'update'], { signal });
    await fetchAll(folder, own, signal);
    await rm(lists, { recursive: true });
  }
  await runTool(['ln', '-sf', 'redis-check-rdb', join(folder, 'usr', 'bin', 'redis-server')], { signal });
}

async function fetchAll(folder: string, aptOptions: readonly string[], signal: AbortSignal): Promise<void> {
  const downloads = join(folder, 'debs');
  await rm(downloads, { recursive: true, force: true });
  await mkdir(downloads);
  for (const name of Object.keys(REDIS_DEBS)) {
    const { version, sha256 } = await offered(name, aptOptions);
    await runTool(['apt-get', ...aptOptions, 'download', `${name}=${version}`], { cwd: downloads, signal });
    const file = (await readdir(downloads)).find((one) => one.startsWith(`${name}_`));
    if (file === undefined) throw new StackError(`apt-get brought no file of ${name}.`);
    await checkDigest(join(downloads, file), sha256);
    await runTool(['dpkg', '--extract', join(downloads, file), folder], { signal });
  }
  await rm(downloads, { recursive: true });
}

/** The pinned build where Debian still has it, else its newest of the same version with the digest of its signed index. */
async function offered(name: string, aptOptions: readonly string[]): Promise<{ version: string; sha256: string }> {
  const pin = REDIS_DEBS[name]!;
  const builds = packageBuilds((await askTool(['apt-cache', ...aptOptions, 'show', name])) ?? '');
  if (builds.some(({ version }) => version === pin.version)) return pin;
  const same = builds.find(({ version }) => upstreamVersion(version) === upstreamVersion(pin.version));
  if (same === undefined) throw new MissingTool(`the package ${name} ${upstreamVersion(pin.version)}`, HOW);
  return same;
}

/** What `apt-cache show` lists, newest first. */
export function packageBuilds(listed: string): { version: string; sha256: string }[] {
  return listed.split(/^Package: /m).flatMap((entry) => {
    const version = /^Version: (\S+)$/m.exec(entry)?.[1];
    const sha256 = /^SHA256: ([0-9a-f]{64})$/m.exec(entry)?.[1];
    return version !== undefined && sha256 !== undefined ? [{ version, sha256 }] : [];
  });
}

/** `5:7.0.15-1~deb12u10` is 7.0.15. */
function upstreamVersion(version: string): string {
  return version.replace(/^\d+:/, '').replace(/-[^-]*$/, '');
}

async function checkRuns({ server, libraries }: RedisPackage): Promise<void> {
  const said = await askTool([server, '--version'], { LD_LIBRARY_PATH: libraries! });
  if (redisVersion(said) !== REDIS_VERSION) throw new MissingTool('a library that Redis needs', 'Debian: apt-get install libatomic1 libssl3 libsystemd0');
}
