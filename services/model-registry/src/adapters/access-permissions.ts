import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { Role, type AccessService } from '@sluice/proto/access/v1/access';
import type { Client } from '@sluice/rpc';
import { mayChangeModels, type AdminKey } from '../domain/may-change-models.ts';
import type { Actor, Permissions } from '../domain/ports.ts';

/** An administrator waits for the answer; access answers from one table. */
const DEADLINE_MS = 2000;

const ROLES: Readonly<Record<Role, AdminKey['role']>> = {
  [Role.UNSPECIFIED]: undefined,
  [Role.OWNER]: 'owner',
  [Role.MEMBER]: 'member',
  [Role.AUDITOR]: 'auditor',
};

/** Asks access for the actor's key at every act, behind the gateway's own check: acts are rare, and a wrong one costs more than a question. */
export class AccessPermissions implements Permissions {
  readonly #access: Client<typeof AccessService>;
  readonly #clock: Clock;

  constructor(access: Client<typeof AccessService>, clock: Clock) {
    this.#access = access;
    this.#clock = clock;
  }

  async requireModelChange({ keyId, organisationId }: Actor): Promise<void> {
    const { keys } = await this.#access.listApiKeys({ organisationId }, { timeoutMs: DEADLINE_MS }).catch((cause: unknown) => {
      throw new ServiceError('access_unavailable', 'The service access does not answer, so nobody can tell who may do this.', { cause });
    });
    const key = keys.find(({ id }) => id === keyId);
    if (!mayChangeModels(key && { ...key, role: ROLES[key.role] }, this.#clock.wallMs())) {
      throw new ServiceError('insufficient_permissions', 'This needs a live admin key with the role `owner` or `member`.');
    }
  }
}
