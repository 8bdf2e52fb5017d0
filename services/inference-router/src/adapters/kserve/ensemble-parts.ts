import { ServiceError } from '@sluice/errors';
import type { KserveClient } from './kserve-server.ts';
import { isUnknownModel } from './server-fault.ts';

const ASK_TIMEOUT_MS = 5_000;
/** An ensemble may have ensembles in it; no server has so many that are of use. */
const MODELS_LIMIT = 100;

/**
 * Whether one of these models is an ensemble at its server that a model is a part of: without it none of them answers.
 * Throws what its server fails with: then it is not known.
 */
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

/** None of a model that is no ensemble, or that its server does not have. */
async function partsOf(client: KserveClient, name: string): Promise<readonly string[]> {
  const { config } = await client.modelConfig({ name }, { timeoutMs: ASK_TIMEOUT_MS }).catch((thrown: unknown) => {
    if (isUnknownModel(ServiceError.from(thrown))) return { config: undefined };
    throw thrown;
  });
  const how = config?.schedulingChoice;
  return how?.case === 'ensembleScheduling' ? how.value.step.map(({ modelName }) => modelName) : [];
}
