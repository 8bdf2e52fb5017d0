import { readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, until } from '../child.ts';
import type { AdminApi } from '../govern.ts';
import { lagOf, makeUsable, MODEL } from '../sluice-subject.ts';
import type { BenchStack } from './bench-stack.ts';
import type { FrontedSubject } from './pinned-front.ts';
import { startPlatform } from './started-platform.ts';

export interface MeshSubject extends FrontedSubject {
  readonly admin: AdminApi;
  /** URL of each process of the data plane by itself. */
  readonly doors: readonly string[];
}

/** The platform as processes on a stack: so many of the data plane, and one for each other service. */
export async function meshSubject(name: string, upstreamPort: number, stack: BenchStack, dataPlanes: number): Promise<MeshSubject> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-mesh-bench-'));
  const at = (file: string): string => join(folder, file);
  const [port, adminPort] = [await freePort(), await freePort()];
  const places = ['--data', at('data'), '--stack', stack.folder, '--ready-file', at('ready.json'), '--pids', at('pids.json')];
  const words = ['mesh', 'up', '--no-model', '--data-planes', String(dataPlanes), '--port', String(port), '--admin-port', String(adminPort), ...places];
  const platform = await startPlatform(words, at('ready.json'));
  const end = async (): Promise<void> => {
    await platform.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await makeUsable(platform.ready, upstreamPort, false);
    const { ports } = JSON.parse(readFileSync(at('data/mesh.json'), 'utf8')) as { ports: Record<string, number> };
    const urlOf = (what: string): string => `http://127.0.0.1:${ports[what]!}`;
    const pids = (): Record<string, number> => JSON.parse(readFileSync(at('pids.json'), 'utf8')) as Record<string, number>;
    return {
      name, port, key: platform.ready.apiKey, model: MODEL, admin: platform.ready,
      doors: Object.keys(ports).filter((what) => what.endsWith(' direct')).map(urlOf),
      pids: () => [...Object.values(pids()), ...stack.pids()],
      fronts: () => Object.entries(pids()).flatMap(([process, pid]) => (process.startsWith('data-plane-') ? [pid] : [])),
      drained: () => until(async () => (await Promise.all(['audit', 'billing'].map((consumer) => lagOf(urlOf(`${consumer} health`), [consumer])))).every((lag) => lag === 0)),
      stop: end,
    };
  } catch (thrown) {
    await end();
    throw thrown;
  }
}
