import { ServiceError } from '@sluice/errors';
import { RegistryChangedSchema } from '@sluice/proto/events/v1/changes';
import { ModelRegistryService } from '@sluice/proto/model_registry/v1/model_registry';
import type { Platform } from '@sluice/platform';
import { Replica } from '@sluice/replica';
import type { Principal } from '../domain/call.ts';
import { ModelDirectory } from '../domain/model-directory.ts';
import type { Models, ModelView, NamedModel } from '../domain/ports.ts';

/** The copy of models, deployments and aliases; it goes on serving however old it is. */
export class RegistryReplica implements Models {
  readonly replica: Replica<ModelDirectory, typeof RegistryChangedSchema>;

  constructor(platform: Pick<Platform, 'connect' | 'events' | 'clock' | 'logger'>) {
    const { events, clock, logger } = platform;
    const registry = platform.connect(ModelRegistryService);
    this.replica = new Replica({
      name: 'model-registry',
      schema: RegistryChangedSchema,
      events,
      clock,
      logger,
      load: async (signal) => {
        const snapshot = await registry.getSnapshot({}, { signal });
        const directory = new ModelDirectory();
        directory.load(snapshot);
        return { position: snapshot.position, state: directory };
      },
      apply: (directory, { message }) => {
        directory.apply(message);
        return directory;
      },
    });
  }

  resolve(principal: Principal, name: string): ModelView {
    return this.#directory().resolve(principal, name);
  }

  list(principal: Principal): readonly NamedModel[] {
    return this.#directory().list(principal);
  }

  #directory(): ModelDirectory {
    const directory = this.replica.state;
    if (!directory) throw new ServiceError('backend_unavailable', 'Nothing is known of the models yet.');
    return directory;
  }
}
