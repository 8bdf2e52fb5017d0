import { until } from '../child.ts';
import { send } from '../govern.ts';
import { percentiles, type Percentiles } from '../percentiles.ts';
import type { MeshSubject } from './mesh-subject.ts';

const POLL_MS = 5;
const PATIENCE_MS = 10_000;

/** How long after its answer a change of the registry (a new alias) is what every process of the data plane says, in milliseconds. */
export async function liveChange({ admin, doors, key, model }: MeshSubject, changes: number): Promise<Percentiles> {
  const latenciesMs: number[] = [];
  for (let change = 0; change < changes; change++) {
    const alias = `alias-${change}`;
    await send(admin, 'PUT', `/aliases/${alias}`, { model });
    const sinceMs = performance.now();
    await Promise.all(doors.map(async (door) => until(async () => knows(door, key, alias), PATIENCE_MS, POLL_MS)));
    latenciesMs.push(performance.now() - sinceMs);
  }
  return percentiles(latenciesMs);
}

async function knows(door: string, key: string, name: string): Promise<boolean> {
  const answer = await fetch(`${door}/v1/models/${name}`, { headers: { authorization: `Bearer ${key}` } });
  await answer.arrayBuffer();
  return answer.ok;
}
