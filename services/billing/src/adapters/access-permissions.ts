import { ServiceError } from '@sluice/errors';
import type { Actor } from '@sluice/events';
import type { AccessService } from '@sluice/proto/access/v1/access';
import type { Client } from '@sluice/rpc';
import type { BudgetLevel } from '../domain/budget.ts';
import type { Permissions } from '../domain/ports.ts';

/** An administrator waits for the answer; access answers from one table. */
const DEADLINE_MS = 2_000;

/** Asks access at every act, behind the gateway's own check: acts are rare, and a wrong one costs more than a question. */
export class AccessPermissions implements Permissions {
  readonly #access: Client<typeof AccessService>;

  constructor(access: Client<typeof AccessService>) {
    this.#access = access;
  }

  async requireBillingChange(actor: Actor): Promise<void> {
    await this.#access.authorise({ actor, action: 'billing.change' }, { timeoutMs: DEADLINE_MS }).catch(unavailable);
  }

  async belongs(organisationId: string, level: BudgetLevel, subjectId: string): Promise<boolean> {
    if (level === 'organisation') return subjectId === organisationId;
    if (level === 'project') {
      const { projects } = await this.#access.listProjects({ organisationId }, { timeoutMs: DEADLINE_MS }).catch(unavailable);
      return projects.some(({ id }) => id === subjectId);
    }
    const { keys } = await this.#access.listApiKeys({ organisationId }, { timeoutMs: DEADLINE_MS }).catch(unavailable);
    // Admin keys make no calls.
    return keys.some(({ id, projectId }) => id === subjectId && projectId !== '');
  }
}

function unavailable(thrown: unknown): never {
  const cause = ServiceError.from(thrown);
  if (cause.code === 'insufficient_permissions') throw cause;
  throw new ServiceError('access_unavailable', 'The service access does not answer, so nobody can tell who may do this.', { cause });
}
