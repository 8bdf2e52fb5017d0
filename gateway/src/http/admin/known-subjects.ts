import { ServiceError } from '@sluice/errors';
import type { AdminDoor, AdminRequest } from './door.ts';

/** What a question is about, as its parameters have it; empty: everything. */
interface Subjects {
  readonly projectId?: string;
  readonly keyId?: string;
}

/**
 * A mistyped id is told, not answered with nothing. Keys that were revoked are known for ever, as what was done with them is.
 *
 * @throws not_found that names the parameter
 */
export async function requireKnown({ access }: Pick<AdminDoor, 'access'>, { actor: { organisationId }, options }: Pick<AdminRequest, 'actor' | 'options'>, { projectId, keyId }: Subjects): Promise<void> {
  if (projectId) {
    const { projects } = await access.listProjects({ organisationId }, options);
    if (!projects.some(({ id }) => id === projectId)) throw new ServiceError('not_found', 'There is no such project.', { param: 'project_id' });
  }
  if (keyId) {
    const { keys } = await access.listApiKeys({ organisationId }, options);
    if (!keys.some(({ id }) => id === keyId)) throw new ServiceError('not_found', 'There is no such key.', { param: 'key_id' });
  }
}
