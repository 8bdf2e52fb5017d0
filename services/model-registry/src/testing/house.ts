import { ServiceError } from '@sluice/errors';
import type { Platform } from '@sluice/platform';
import { AccessService } from '@sluice/proto/access/v1/access';
import { ModelRegistryService } from '@sluice/proto/model_registry/v1/model_registry';
import type { Client } from '@sluice/rpc';
import { ServiceHouse } from '@sluice/testkit/service-house';
import { createModelRegistry } from '../index.ts';

/** One running registry. */
export interface Running {
  readonly registry: Client<typeof ModelRegistryService>;
  readonly stop: () => Promise<void>;
}

/** A house in which people may change models. */
export class House extends ServiceHouse {
  static async build(): Promise<House> {
    return new House(await ServiceHouse.lay());
  }

  /** Starts the registry beside an access that knows the people below; what `parts` names is taken instead of the real part. */
  async start(parts: Partial<Platform> = {}): Promise<Running> {
    const running = await this.startAlone(parts);
    servePeople(running.platform);
    return running;
  }

  /** The same while access is away. */
  async startAlone(parts: Partial<Platform> = {}): Promise<Running & { readonly platform: Platform }> {
    const platform = this.platform(parts);
    const stop = await this.run(createModelRegistry(platform, {}));
    return { platform, registry: platform.connect(ModelRegistryService), stop };
  }
}

/** Access as it answers of `owner`, `member` and `auditor` of `org`, and of an owner of `other`. */
function servePeople(platform: Platform): void {
  const mayChangeModels = new Set(['org owner', 'org member', 'other their owner']);
  const unasked = () => Promise.reject(new Error('the registry asks access for nothing but permission'));
  platform.serve(AccessService, {
    getSnapshot: unasked, getProjectSecrets: unasked, createProject: unasked, listProjects: unasked, createApiKey: unasked, listApiKeys: unasked, revokeApiKey: unasked,
    setLimits: unasked, listLimits: unasked, setParameterRule: unasked, listParameterRules: unasked, removeParameterRule: unasked,
    async authorise({ actor, action }) {
      if (action === 'model.change' && mayChangeModels.has(`${actor?.organisationId} ${actor?.keyId}`)) return {};
      throw new ServiceError('insufficient_permissions', 'This needs a live admin key of the organisation.');
    },
  });
}
