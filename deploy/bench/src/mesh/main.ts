/**
 * `npm run bench:mesh`: all-in-one and the mesh in one run: what a call takes at one connection with one broker and with three,
 * what one and two data-plane processes carry, what the process that takes calls does on a core of its own, and how soon a
 * change of the registry is live. Each is loaded before its latency is looked at: one connection alone would take minutes
 * to have every process compiled. `-- --quick` takes a quarter.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { upstreamSubject } from '../bare-subjects.ts';
import { freePort, startScript, stop } from '../child.ts';
import type { Percentiles } from '../percentiles.ts';
import { measure, scenarios, type Figures, type Scenario } from '../scenarios.ts';
import { sluiceSubject } from '../sluice-subject.ts';
import type { Subject } from '../subject.ts';
import { startStack } from './bench-stack.ts';
import { liveChange } from './live-change.ts';
import { meshReport } from './mesh-report.ts';
import { meshSubject, type MeshSubject } from './mesh-subject.ts';
import { measurePinnedFront, pin, type FrontedSubject, type PinnedFront } from './pinned-front.ts';

interface MeshKind {
  readonly name: string;
  readonly small: boolean;
  readonly dataPlanes: number;
  /** Each data-plane process on a core of its own, so that two of them are two cores' worth. */
  readonly isPinned?: boolean;
  readonly of: readonly Scenario[];
  readonly also?: (subject: MeshSubject) => Promise<void>;
}

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } } });
const CHANGES = 50;
const [requests, latency] = ['requests', 'latency'].map((name) => scenarios(values.quick).find((scenario) => scenario.name === name)!) as [Scenario, Scenario];
const thousand: Scenario = { name: 'a thousand connections', load: { ...requests.load, connections: 1000 } };

const pinned: PinnedFront[] = [];
const pinnedFrontOf = async (subject: FrontedSubject): Promise<void> => void pinned.push(await measurePinnedFront(subject, { ...requests, name: 'a core of its own' }, [upstream.pid!]));

/** Each on a stack of its own: what a platform has sealed in the database only that platform opens. */
const MESHES: readonly MeshKind[] = [
  { name: 'mesh, one broker', small: true, dataPlanes: 1, of: [requests, latency], also: pinnedFrontOf },
  { name: 'mesh, one broker, 1 pinned', small: true, dataPlanes: 1, isPinned: true, of: [thousand] },
  { name: 'mesh, one broker, 2 pinned', small: true, dataPlanes: 2, isPinned: true, of: [thousand], also: async (subject) => void (live = await liveChange(subject, CHANGES)) },
  { name: 'mesh, three brokers', small: false, dataPlanes: 1, of: [requests, latency] },
];

const upstreamPort = await freePort();
const upstream = await startScript('./mock-upstream.ts', upstreamPort);
const folder = await mkdtemp(join(tmpdir(), 'sluice-mesh-bench-stack-'));
const figures: Figures[] = [];
let live: Percentiles | undefined;

async function measureAll<S extends Subject>(subject: S, of: readonly Scenario[], also: (subject: S) => Promise<void> = async () => undefined): Promise<void> {
  try {
    for (const scenario of of) {
      process.stderr.write(`${subject.name}: ${scenario.name}\n`);
      figures.push(await measure(subject, scenario));
    }
    await also(subject);
  } finally {
    await subject.stop();
  }
}

async function measureMesh({ name, small, dataPlanes, isPinned = false, of, also }: MeshKind): Promise<void> {
  const stack = await startStack(join(folder, name.replaceAll(/[^a-z0-9]+/g, '-')), small);
  try {
    const subject = await meshSubject(name, upstreamPort, stack, dataPlanes);
    if (isPinned) subject.fronts().forEach((pid, core) => pin(pid, String(core)));
    await measureAll(subject, of, also);
  } finally {
    await stack.remove();
  }
}

try {
  await measureAll(upstreamSubject(upstreamPort, upstream.pid!), [requests, latency]);
  await measureAll(await sluiceSubject(upstreamPort, false), [requests, latency, thousand], pinnedFrontOf);
  for (const mesh of MESHES) await measureMesh(mesh);
} finally {
  await stop(upstream);
  await rm(folder, { recursive: true, force: true });
}
process.stdout.write(values.json ? `${JSON.stringify({ live, pinned, figures }, undefined, 2)}\n` : `${meshReport(figures, pinned, live)}\n`);
