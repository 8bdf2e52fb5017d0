import type { Actor } from '@sluice/events';
import { isLive } from './api-key.ts';
import { addKey } from './create-api-key.ts';
import { addProject } from './create-project.ts';
import type { Administration } from './ports.ts';
import { keyedHash } from './secret.ts';

/** The first organisation and the secrets that open it. */
export interface Bootstrap {
  readonly adminKey: string;
  readonly apiKey: string;
  readonly organisationName: string;
  readonly projectName: string;
}

/** `made`: there was nothing. `known`: both secrets open it already. `unknown`: at least one of them does not. */
export type BootstrapOutcome = 'made' | 'known' | 'unknown';

/** The actor of the acts that nobody was there to ask for. */
const BOOTSTRAP_KEY_ID = 'bootstrap';

/**
 * Makes the first organisation with a project, an owner key and an inference key of the given secrets. It is one act:
 * a crash leaves nothing, and the next start makes it. Where there is an organisation already nothing is changed,
 * because a secret in a file must not open a house that has locked it out.
 */
export function bootstrap(administration: Administration, first: Bootstrap): Promise<BootstrapOutcome> {
  const nowMs = administration.clock.wallMs();
  return administration.acts.act(async (state) => {
    const { empty } = await state.lockEverything();
    if (!empty) {
      for (const secret of [first.adminKey, first.apiKey]) {
        const key = await state.keyByHash(keyedHash(administration.pepper, secret));
        if (!key || !isLive(key, nowMs)) return 'unknown';
      }
      return 'known';
    }
    const organisation = { id: administration.ids.next('org'), name: first.organisationName };
    const actor: Actor = { keyId: BOOTSTRAP_KEY_ID, organisationId: organisation.id };
    await state.addOrganisation(organisation, nowMs);
    const object = `organisation:${organisation.id}`;
    await state.record({ actor, action: 'organisation.created', object, atMs: nowMs, detail: { name: organisation.name } });
    const project = await addProject(state, administration, actor, { name: first.projectName, bodyPolicy: 'sent' }, nowMs);
    const open = { name: 'first key', models: [], expiresAtMs: undefined };
    await addKey(state, administration, actor, { ...open, kind: 'admin', role: 'owner', projectId: undefined }, first.adminKey, nowMs);
    await addKey(state, administration, actor, { ...open, kind: 'inference', role: undefined, projectId: project.id }, first.apiKey, nowMs);
    return 'made';
  });
}
