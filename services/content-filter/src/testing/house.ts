import { ServiceError } from '@sluice/errors';
import type { Platform } from '@sluice/platform';
import { AccessService } from '@sluice/proto/access/v1/access';
import { ContentFilterService, FilterRulesService } from '@sluice/proto/content_filter/v1/content_filter';
import type { Client } from '@sluice/rpc';
import { ServiceHouse } from '@sluice/testkit/service-house';
import { createContentFilter, createContentFilterRules } from '../index.ts';

type Filter = Client<typeof ContentFilterService>;
type Rules = Client<typeof FilterRulesService>;

/** What a gateway asks: a change is answered when the filter beside it applies it. */
export type Asked = Filter & Pick<Rules, 'addRule' | 'removeRule' | 'listRules' | 'getRule' | 'getStats'>;

/** One running process. */
export interface Running {
  readonly filter: Asked;
  readonly platform: Platform;
  readonly stop: () => Promise<void>;
}

/** A house in which people may change rules; the projects of `org` are `ours` and `second`. */
export class House extends ServiceHouse {
  static async build(): Promise<House> {
    return new House(await ServiceHouse.lay());
  }

  /** Starts the filter and the owner of its rules in one process, beside an access that knows the people below; what `parts` names is taken instead of the real part. */
  async start(parts: Partial<Platform> = {}): Promise<Running> {
    const running = await this.startAlone(parts);
    servePeople(running.platform);
    return running;
  }

  /** The same while access is away. */
  async startAlone(parts: Partial<Platform> = {}): Promise<Running> {
    const platform = this.platform(parts);
    const stopOwner = await this.run(createContentFilterRules(platform, {}));
    const stopFilter = await this.run(createContentFilter(platform, {}));
    const stop = async (): Promise<void> => {
      await stopFilter();
      await stopOwner();
    };
    return { platform, filter: asGatewaysDo(platform.connect(ContentFilterService), platform.connect(FilterRulesService)), stop };
  }

  /** Starts the owner of the rules by itself. */
  async startOwner(): Promise<{ readonly rules: Rules; readonly stop: () => Promise<void> }> {
    const platform = this.platform();
    servePeople(platform);
    const stop = await this.run(createContentFilterRules(platform, {}));
    return { rules: platform.connect(FilterRulesService), stop };
  }

  /** Starts a filter by itself, in a process that has no tables and no root key; `owner` answers instead of the owner of the rules. */
  async startFilter(owner: Rules): Promise<Running> {
    const platform = this.platform({ sql: () => nothing('tables'), rootKey: { wrap: () => nothing('root key'), unwrap: () => nothing('root key') } });
    const connect: Platform['connect'] = (service) => (service.typeName === FilterRulesService.typeName ? (owner as never) : platform.connect(service));
    const joined = { ...platform, connect };
    const stop = await this.run(createContentFilter(joined, {}));
    return { platform: joined, filter: asGatewaysDo(platform.connect(ContentFilterService), owner), stop };
  }
}

function nothing(what: string): never {
  throw new Error(`a process of the data plane has no ${what}`);
}

function asGatewaysDo(filter: Filter, rules: Rules): Asked {
  const applied = async <A extends { readonly policyVersion: bigint }>(organisationId: string | undefined, answer: Promise<A>): Promise<A> => {
    const { policyVersion } = await answer;
    await filter.awaitRules({ organisationId: organisationId ?? '', policyVersion });
    return answer;
  };
  return {
    filter: (requests, options) => filter.filter(requests, options),
    try: (request, options) => filter.try(request, options),
    awaitRules: (request, options) => filter.awaitRules(request, options),
    addRule: (request, options) => applied(request.actor?.organisationId, rules.addRule(request, options)),
    removeRule: (request, options) => applied(request.actor?.organisationId, rules.removeRule(request, options)),
    listRules: (request, options) => rules.listRules(request, options),
    getRule: (request, options) => rules.getRule(request, options),
    getStats: (request, options) => rules.getStats(request, options),
  };
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
