import { ServiceError } from '@sluice/errors';
import type { Actor } from '@sluice/events';
import type { AccessService } from '@sluice/proto/access/v1/access';
import type { Client } from '@sluice/rpc';
import type { Permissions } from '../domain/ports.ts';

/** An administrator waits for the answer; access answers from one table. */
const DEADLINE_MS = 2000;

/** Asks access at every act, behind the gateway's own check: acts are rare, and a wrong one costs more than a question. */
export class AccessPermissions implements Permissions {
  readonly #access: Client<typeof AccessService>;

  constructor(access: Client<typeof AccessService>) {
    this.#access = access;
  }

  async requireRuleChange(actor: Actor): Promise<void> {
    await this.#access.authorise({ actor, action: 'filter.change' }, { timeoutMs: DEADLINE_MS }).catch(explain);
  }

  async requireProject(organisationId: string, projectId: string): Promise<void> {
    const { projects } = await this.#access.listProjects({ organisationId }, { timeoutMs: DEADLINE_MS }).catch(explain);
    // A rule of a mistyped project would look at nothing.
    if (!projects.some(({ id }) => id === projectId)) throw new ServiceError('not_found', 'There is no such project.', { param: 'project_id' });
  }
}

function explain(thrown: unknown): never {
  const cause = ServiceError.from(thrown);
  if (cause.code === 'insufficient_permissions') throw cause;
  throw new ServiceError('access_unavailable', 'The service access does not answer, so nobody can tell who may do this.', { cause });
}
