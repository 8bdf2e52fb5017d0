import { ServiceError } from '@sluice/errors';
import type { Platform } from '@sluice/platform';
import { AccessService } from '@sluice/proto/access/v1/access';
import { ContentFilterService } from '@sluice/proto/content_filter/v1/content_filter';
import type { Client } from '@sluice/rpc';
import { ServiceHouse } from '@sluice/testkit/service-house';
import { createContentFilter } from '../index.ts';

/** One running filter. */
export interface Running {
  readonly filter: Client<typeof ContentFilterService>;
  readonly platform: Platform;
  readonly stop: () => Promise<void>;
}

/** A house in which people may change rules; the projects of `org` are `ours` and `second`. */
export class House extends ServiceHouse {
  static async build(): Promise<House> {
    return new House(await ServiceHouse.lay());
  }

  /** Starts the filter beside an access that knows the people below; what `parts` names is taken instead of the real part. */
  async start(parts: Partial<Platform> = {}): Promise<Running> {
    const running = await this.startAlone(parts);
    servePeople(running.platform);
    return running;
  }

  /** The same while access is away. */
  async startAlone(parts: Partial<Platform> = {}): Promise<Running> {
    const platform = this.platform(parts);
    const stop = await this.run(createContentFilter(platform, {}));
    return { platform, filter: platform.connect(ContentFilterService), stop };
  }
}

/** Access as it answers of `owner` and `auditor` of `org`, and of an owner of `other`. */
function servePeople(platform: Platform): void {
  const mayChangeRules = new Set(['org owner', 'other their owner']);
  const unasked = () => Promise.reject(new Error('the filter asks access for nothing but permission and projects'));
  platform.serve(AccessService, {
    getSnapshot: unasked, getProjectSecrets: unasked, createProject: unasked, createApiKey: unasked, listApiKeys: unasked, revokeApiKey: unasked,
    setLimits: unasked, listLimits: unasked, setParameterRule: unasked, listParameterRules: unasked, removeParameterRule: unasked,
    async listProjects({ organisationId }) {
      return { projects: organisationId === 'org' ? [{ id: 'ours' }, { id: 'second' }] : [{ id: 'theirs' }] };
    },
    async authorise({ actor, action }) {
      if (action === 'filter.change' && mayChangeRules.has(`${actor?.organisationId} ${actor?.keyId}`)) return {};
      throw new ServiceError('insufficient_permissions', 'This needs a live admin key of the organisation.');
    },
  });
}
