import { ServiceError } from '@sluice/errors';
import type { Actor } from '@sluice/events';
import type { AccessService } from '@sluice/proto/access/v1/access';
import type { Client } from '@sluice/rpc';

/** An administrator waits for the answer; access answers from one table. */
const DEADLINE = { timeoutMs: 2_000 };

/** What access lets somebody do in other services. */
export type ForeignAction = 'model.change' | 'filter.change' | 'billing.change';

/**
 * Asks access at every act, behind the gateway's own check: acts are rare, and a wrong one costs more than a question.
 * Errors of each: `access_unavailable`, when nobody can tell.
 */
export class AccessPermissions {
  readonly #access: Client<typeof AccessService>;

  constructor(access: Client<typeof AccessService>) {
    this.#access = access;
  }

  /** Errors: `insufficient_permissions`. */
  async require(actor: Actor, action: ForeignAction): Promise<void> {
    await this.#access.authorise({ actor, action }, DEADLINE).catch(explain);
  }

  async hasProject(organisationId: string, projectId: string): Promise<boolean> {
    const { projects } = await this.#access.listProjects({ organisationId }, DEADLINE).catch(explain);
    return projects.some(({ id }) => id === projectId);
  }

  /** Whether there is a key that makes calls; admin keys make none. */
  async hasInferenceKey(organisationId: string, keyId: string): Promise<boolean> {
    const { keys } = await this.#access.listApiKeys({ organisationId }, DEADLINE).catch(explain);
    return keys.some(({ id, projectId }) => id === keyId && projectId !== '');
  }
}

function explain(thrown: unknown): never {
  const cause = ServiceError.from(thrown);
  if (cause.code === 'insufficient_permissions') throw cause;
  throw new ServiceError('access_unavailable', 'The service access does not answer, so nobody can tell who may do this.', { cause });
}
