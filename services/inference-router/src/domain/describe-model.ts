import { ServiceError } from '@sluice/errors';
import type { ModelFacts } from './backend.ts';
import type { Fleet } from './fleet.ts';
import type { Registry } from './ports.ts';
import { servesTensors } from './serves-tensors.ts';

export interface DescribedModel {
  readonly organisationId: string;
  readonly modelId: string;
  /** By its number; empty: any. */
  readonly version: string;
}

export interface ModelDescription extends ModelFacts {
  /** Numbers of the versions that take calls, ascending. */
  readonly versions: number[];
}

/** What a model takes and gives, as the first of its servers says that answers. Health and breaker do not hear of it. */
export async function describeModel({ organisationId, modelId, version }: DescribedModel, signal: AbortSignal, { registry, fleet }: { readonly registry: Registry; readonly fleet: Fleet }): Promise<ModelDescription> {
  if (!registry.knows(organisationId, modelId)) await registry.reread();
  if (!registry.knows(organisationId, modelId)) throw new ServiceError('model_not_found', 'The model does not exist or you do not have access to it.', { param: 'model' });
  const serves = servesTensors(fleet, modelId, version);
  const usable = fleet.of(modelId).filter((member) => serves(member) && member.isHealthy);
  const versions = [...new Set(usable.map(({ deployment }) => deployment.versionNumber ?? 0))].sort((left, right) => left - right);
  let last: ServiceError | undefined;
  for (const { backend } of usable) {
    try {
      return { ...(await backend.describe!(signal)), versions };
    } catch (thrown) {
      last = ServiceError.from(thrown);
    }
  }
  throw last ?? new ServiceError('backend_unavailable', 'No backend of this model is available at the moment.', { retryAfterSeconds: 1 });
}
