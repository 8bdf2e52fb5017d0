import { ServiceError } from '@sluice/errors';
import type { Actor } from '@sluice/events';
import { authorise } from './authorise.ts';
import { checkName } from './check.ts';
import type { ActState, Administration } from './ports.ts';
import type { BodyPolicy, Project } from './project.ts';

/** Every replica holds every project with its data key in memory. */
export const MAX_PROJECTS = 10_000;

const DATA_KEY_BYTES = 32;

export interface NewProject {
  readonly name: string;
  readonly bodyPolicy: BodyPolicy;
}

/** Makes a project with a data key of its own. Errors: `already_exists` for a name that is taken, and those of the checks. */
export function createProject(administration: Administration, actor: Actor, request: NewProject): Promise<Project> {
  const nowMs = administration.clock.wallMs();
  const name = checkName(request.name, 'name');
  return administration.acts.act(async (state) => {
    await authorise(state, actor, 'project.create', nowMs);
    const { all, named } = await state.projectCounts(actor.organisationId, name);
    if (named > 0) throw new ServiceError('already_exists', 'A project of this name exists already.', { param: 'name' });
    if (all >= MAX_PROJECTS) throw new ServiceError('failed_precondition', `An organisation holds at most ${MAX_PROJECTS} projects.`);
    return addProject(state, administration, actor, { ...request, name }, nowMs);
  });
}

/** Writes and records a project; the caller has checked that it may be. */
export async function addProject(
  state: ActState, { ids }: Pick<Administration, 'ids'>, actor: Actor, { name, bodyPolicy }: NewProject, nowMs: number,
): Promise<Project> {
  const project = { id: ids.next('proj'), organisationId: actor.organisationId, name, bodyPolicy, createdAtMs: nowMs };
  await state.addProject(project, { id: ids.next('dk'), key: ids.randomBytes(DATA_KEY_BYTES) });
  const detail = { body_policy: bodyPolicy, name };
  await state.record({ actor, action: 'project.created', object: `project:${project.id}`, atMs: nowMs, detail }, { project });
  return project;
}
