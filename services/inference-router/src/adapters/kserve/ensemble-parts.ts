import type { KserveClient } from './kserve-server.ts';

const ASK_TIMEOUT_MS = 5_000;
/** An ensemble may have ensembles in it; no server has so many that are of use. */
const MODELS_LIMIT = 100;

/** Whether one of these models is an ensemble at its server that a model is a part of: without it none of them answers. */
export async function isPartOf(client: KserveClient, model: string, others: readonly string[]): Promise<boolean> {
  const known = new Set(others);
  for (const name of known) {
    if (known.size > MODELS_LIMIT) return true;
    for (const part of await partsOf(client, name)) {
      if (part === model) return true;
      known.add(part);
    }
  }
  return false;
}

/** None of a model that is no ensemble, or of which its server tells nothing. */
async function partsOf(client: KserveClient, name: string): Promise<readonly string[]> {
  const { config } = await client.modelConfig({ name }, { timeoutMs: ASK_TIMEOUT_MS }).catch(() => ({ config: undefined }));
  const how = config?.schedulingChoice;
  return how?.case === 'ensembleScheduling' ? how.value.step.map(({ modelName }) => modelName) : [];
}
