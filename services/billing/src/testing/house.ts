import { systemClock, type Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { Platform } from '@sluice/platform';
import { AccessService } from '@sluice/proto/access/v1/access';
import { BillingService, type SpendRequest, type SpendResponse } from '@sluice/proto/billing/v1/billing';
import type { Client, Implementation } from '@sluice/rpc';
import { ServiceHouse } from '@sluice/testkit/service-house';
import { createBilling } from '../index.ts';
import { ScriptedProducer } from './scripted-producer.ts';

export interface Running {
  readonly billing: Client<typeof BillingService>;
  readonly platform: Platform;
  readonly stop: () => Promise<void>;
}

export const OWNER = { keyId: 'owner', organisationId: 'org' };
const WAIT_MS = 30_000;

/** A house in which `owner` of `org` (with the projects `proj` and `proj_2` and their keys) and an owner of `other` may change money. */
export class House extends ServiceHouse {
  static async build(): Promise<House> {
    return new House(await ServiceHouse.lay());
  }

  /** Starts billing and waits until its book is open. */
  async start(parts: Partial<Platform> = {}): Promise<Running> {
    const running = await this.startClosed(parts);
    await until(() => running.platform.health.report().status, (status) => status === 'ok');
    return running;
  }

  async startClosed(parts: Partial<Platform> = {}, hasAccess = true): Promise<Running> {
    // Days pass by hand, waits do not.
    const clock: Clock = { ...systemClock, wallMs: () => this.clock.wallMs() };
    const platform = this.platform({ clock, ...parts });
    if (hasAccess) platform.serve(AccessService, ACCESS);
    const stop = await this.run(createBilling(platform, {}));
    return { platform, billing: platform.connect(BillingService), stop };
  }

  async producer(name = 'gateway'): Promise<ScriptedProducer> {
    return new ScriptedProducer(name, await this.events.takeEpoch(name));
  }

  callId(): string {
    return this.ids.callId();
  }
}

/** The way of one call with money, as a gateway goes it: a request, an answer. */
export class Talk {
  readonly #answers: AsyncIterator<SpendResponse>;
  #next: PromiseWithResolvers<SpendRequest | undefined> = Promise.withResolvers();

  constructor(billing: Client<typeof BillingService>) {
    this.#answers = billing.spend(this.#stream())[Symbol.asyncIterator]();
  }

  async ask(step: SpendRequest['step']): Promise<SpendResponse['step']> {
    this.#next.resolve({ $typeName: 'billing.v1.SpendRequest', step });
    const { value, done } = (await this.#answers.next()) as IteratorResult<SpendResponse, undefined>;
    if (done) throw new Error('billing ended the stream');
    return value.step;
  }

  async leave(): Promise<void> {
    this.#next.resolve(undefined);
    await this.#answers.return?.();
  }

  async *#stream(): AsyncGenerator<SpendRequest> {
    for (;;) {
      const request = await this.#next.promise;
      this.#next = Promise.withResolvers();
      if (!request) return;
      yield request;
    }
  }
}

/** Waits for a condition; never for a time. */
export async function until<T>(read: () => T | Promise<T>, holds: (value: T) => boolean): Promise<T> {
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    const value = await read();
    if (holds(value)) return value;
    if (performance.now() > deadline) throw new Error(`never came: ${JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}` : part))}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const unasked = (): Promise<never> => Promise.reject(new Error('billing asks access for nothing but permission, projects and keys'));
const ACCESS = {
  getSnapshot: unasked, getProjectSecrets: unasked, createProject: unasked, createApiKey: unasked, revokeApiKey: unasked,
  setLimits: unasked, listLimits: unasked, setParameterRule: unasked, listParameterRules: unasked, removeParameterRule: unasked,
  async authorise({ actor, action }) {
    if (action === 'billing.change' && actor?.keyId === 'owner') return {};
    throw new ServiceError('insufficient_permissions', 'This needs a live admin key of the organisation.');
  },
  async listProjects({ organisationId }) {
    return { projects: organisationId === 'org' ? [{ id: 'proj', organisationId }, { id: 'proj_2', organisationId }] : [] };
  },
  async listApiKeys({ organisationId }) {
    const keys = [{ id: 'key', projectId: 'proj' }, { id: 'key_2', projectId: 'proj_2' }, { id: 'owner', projectId: '' }];
    return { keys: organisationId === 'org' ? keys : [] };
  },
} satisfies Implementation<typeof AccessService>;
