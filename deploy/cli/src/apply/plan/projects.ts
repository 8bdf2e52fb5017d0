import { project as projectAnswer } from '../../platform-api/answers.ts';
import type { FileProject } from '../platform-file.ts';
import type { PlatformState } from '../platform-state.ts';
import { planProjectKeys, projectRef } from './keys.ts';
import type { Plan } from './plan.ts';
import { madeProject, type Subject } from './subjects.ts';

/** Projects with their keys; gives what limits and budgets can be set for. */
export function planProjects(plan: Plan, state: PlatformState, wanted: readonly FileProject[] | undefined, modelNames: ReadonlySet<string>): Subject[] {
  const subjects = (wanted ?? []).flatMap((project, index) => {
    const path = ['projects', index];
    const now = state.projects.find(({ name }) => name === project.name);
    const { bodies } = project;
    if (now && bodies && now.body_policy !== bodies) plan.fault([...path, 'bodies'], `what is kept of a project is not changed: ${now.name} keeps ${now.body_policy}. Make another project`);
    if (!now) planNewProject(plan, project);
    const ref = projectRef(state, project.name);
    const subject: Subject = { level: 'project', shown: `project ${project.name}`, ref, path, limits: project.limits, budget: project.budget };
    return [subject, ...planProjectKeys(plan, state, { project, ref, path, names: modelNames })];
  });
  const left = plan.prunes && wanted ? state.projects.filter(({ name }) => !wanted.some((project) => project.name === name)) : [];
  for (const { name } of left) plan.note(`The project ${name} is not in the file and stays: a project is not removed, because records name it. Its keys stay too.`);
  return subjects;
}

function planNewProject(plan: Plan, { name, bodies }: FileProject): void {
  plan.add('projects', {
    sign: '+', what: `project ${name}`, details: [`bodies: ${bodies ?? 'sent'}`],
    run: async ({ api, signal, made }) => {
      const { id } = await api.send('POST', '/projects', projectAnswer, { name, ...(bodies && { body_policy: bodies }) }, signal);
      made.set(madeProject(name), id);
    },
  });
}
