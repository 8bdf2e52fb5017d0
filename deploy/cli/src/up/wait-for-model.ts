import { setTimeout as pause } from 'node:timers/promises';
import { backend, listOf, models } from '../platform-api/answers.ts';
import type { HttpApi } from '../platform-api/http-api.ts';
import { asTyped } from '../terminal/typed-command.ts';

const POLL_MS = 50;
/** A large model is read from a disk for this long; the platform is useful before it is there. */
const LOAD_DEADLINE_MS = 60_000;

/**
 * The name of a model that answers, for the screen. Waits for the models of the local engine, because ready should mean
 * that what is installed answers; waits for no server elsewhere. Undefined when there is no model at all.
 */
export async function waitForModel(api: HttpApi, signal: AbortSignal): Promise<string | undefined> {
  const { data } = await api.get('/models', models);
  const active = data.flatMap((model) => model.deployments.filter(({ state }) => state === 'active').map((deployment) => ({ name: model.name, ...deployment })));
  const local = active.filter(({ protocol, target }) => protocol === 'kserve' && target === 'local');
  const untilMs = performance.now() + LOAD_DEADLINE_MS;
  while (local.length > 0 && performance.now() < untilMs) {
    signal.throwIfAborted();
    const backends = await api.get('/backends', listOf(backend));
    const healthy = new Set(backends.data.filter((row) => row.healthy).map((row) => row.deployment_id));
    const ready = local.filter(({ id }) => healthy.has(id));
    if (ready.length === local.length) return ready[0]!.name;
    await pause(POLL_MS);
  }
  if (local.length > 0) process.stderr.write(asTyped(`The model ${local[0]!.name} is still being loaded; sluice model list shows when it answers.\n`));
  return active[0]?.name;
}
