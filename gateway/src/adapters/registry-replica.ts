import { RegistryChangedSchema } from '@sluice/proto/events/v1/changes';
import { ModelRegistryService } from '@sluice/proto/model_registry/v1/model_registry';
import type { Platform } from '@sluice/platform';
import type { ModelDirectory } from '../domain/model-directory.ts';
import { OwnerReplica } from './owner-replica.ts';

const SNAPSHOT_TIMEOUT_MS = 2_000;

/** The copy of models, deployments and aliases; it goes on serving however old it is. */
export function registryReplica(platform: Pick<Platform, 'connect' | 'events' | 'clock' | 'logger'>, directory: ModelDirectory): OwnerReplica<typeof RegistryChangedSchema> {
  const registry = platform.connect(ModelRegistryService);
  return new OwnerReplica(
    {
      name: 'model-registry',
      schema: RegistryChangedSchema,
      load: async () => {
        const snapshot = await registry.getSnapshot({}, { timeoutMs: SNAPSHOT_TIMEOUT_MS });
        directory.load(snapshot);
        return snapshot.position;
      },
      apply: (change) => {
        directory.apply(change);
        return true;
      },
    },
    platform,
  );
}
