import { deleted, parameterRule as ruleAnswer } from '../../platform-api/answers.ts';
import type { FileParameterRule } from '../platform-file.ts';
import type { ParameterRule, PlatformState } from '../platform-state.ts';
import { projectRef } from './keys.ts';
import { change, type Plan } from './plan.ts';
import { idOf } from './subjects.ts';

const MEMBERS = ['min', 'max', 'default', 'on_violation'] as const;

/** Bounds and defaults of parameters: one rule for a parameter, a project and a model. */
export function planParameterRules(plan: Plan, state: PlatformState, wanted: readonly FileParameterRule[] | undefined, modelNames: ReadonlyMap<string, string>): void {
  const met = new Set<string>();
  for (const [index, rule] of (wanted ?? []).entries()) {
    const path = ['parameter_rules', index];
    const project = rule.project === undefined ? undefined : projectRef(state, rule.project);
    const projectId = project && 'id' in project ? project.id : undefined;
    // An alias has no rules of its own: the platform keeps the name of its model.
    const model = rule.model === undefined ? undefined : (modelNames.get(rule.model) ?? rule.model);
    const isNewProject = project !== undefined && projectId === undefined;
    const now = isNewProject ? undefined : state.parameterRules.find((one) => one.parameter === rule.parameter && one.project_id === (projectId ?? null) && one.model === (model ?? null));
    if (now) met.add(now.id);
    const details = MEMBERS.filter((member) => (now?.[member] ?? null) !== (rule[member] ?? null)).map((member) => change(member, now?.[member] ?? undefined, rule[member] ?? 'none'));
    if (details.length === 0) continue;
    if (model !== undefined && !modelNames.has(model)) plan.fault([...path, 'model'], 'there is no model or alias of this name, here or at the platform', 'models');
    const body = { parameter: rule.parameter, model: model ?? null, min: rule.min ?? null, max: rule.max ?? null, default: rule.default ?? null, on_violation: rule.on_violation };
    plan.add('parameter rules', {
      sign: now ? '~' : '+', what: shown({ parameter: rule.parameter, project: rule.project, model }), details,
      run: async ({ api, signal, made }) => api.send('PUT', '/parameter-rules', ruleAnswer, { ...body, project_id: project ? idOf(project, { made }) : null }, signal),
    });
  }
  if (!plan.prunes || !wanted) return;
  for (const rule of state.parameterRules.filter(({ id }) => !met.has(id))) planRemoval(plan, state, rule);
}

function planRemoval(plan: Plan, state: PlatformState, { id, parameter, project_id: projectId, model }: ParameterRule): void {
  const project = projectId === null ? undefined : (state.projects.find((one) => one.id === projectId)?.name ?? projectId);
  plan.add('remove parameter rules', {
    sign: '-', what: shown({ parameter, project, model: model ?? undefined }), details: [id],
    run: async ({ api, signal }) => api.send('DELETE', `/parameter-rules/${encodeURIComponent(id)}`, deleted, undefined, signal),
  });
}

function shown({ parameter, project, model }: { readonly parameter: string; readonly project: string | undefined; readonly model: string | undefined }): string {
  return `parameter ${parameter}${model === undefined ? '' : ` for ${model}`}${project === undefined ? '' : ` in project ${project}`}`;
}
