import { setTimeout as pause } from 'node:timers/promises';
import type { DataFolder } from '../data-folder/data-folder.ts';
import { backend, listOf, models } from '../platform-api/answers.ts';
import type { HttpApi } from '../platform-api/http-api.ts';
import { asTyped } from '../terminal/typed-command.ts';
import { lacksWeights } from './demo-model.ts';

const POLL_MS = 50;
/** A large model is read from a disk for this long; the platform is useful before it is there. */
const LOAD_DEADLINE_MS = 60_000;

/**
 * The name of a model that answers, for the screen. Waits for the models of the local engine, because ready should mean
 * that what is installed answers; waits neither for a server elsewhere, of which it takes the word, nor for weights that
 * are missing. Undefined when none answers.
 */
export async function waitForModel(api: HttpApi, folder: DataFolder, signal: AbortSignal): Promise<string | undefined> {
  const { data } = await api.get('/models', models);
  const installed = data.filter((model) => !lacksWeights(model, folder));
  const active = installed.flatMap((model) => model.deployments.filter(({ state }) => state === 'active').map((deployment) => ({ name: model.name, ...deployment })));
  const [local, elsewhere] = [active.filter(isLocal), active.filter((deployment) => !isLocal(deployment))];
  const untilMs = performance.now() + LOAD_DEADLINE_MS;
  let ready: typeof local = [];
  while (local.length > 0 && performance.now() < untilMs) {
    signal.throwIfAborted();
    const backends = await api.get('/backends', listOf(backend));
    const healthy = new Set(backends.data.filter((row) => row.healthy).map((row) => row.deployment_id));
    ready = local.filter(({ id }) => healthy.has(id));
    if (ready.length === local.length) break;
    await pause(POLL_MS);
  }
  const late = local.find((deployment) => !ready.includes(deployment));
  if (late) process.stderr.write(asTyped(`The model ${late.name} does not answer yet; sluice model list shows how it is.\n`));
  return (ready[0] ?? elsewhere[0])?.name;
}

function isLocal({ protocol, target }: { readonly protocol: string; readonly target: string }): boolean {
  return protocol === 'kserve' && target === 'local';
}
