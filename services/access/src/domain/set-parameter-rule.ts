import { ServiceError } from '@sluice/errors';
import type { Actor } from '@sluice/events';
import { authorise } from './authorise.ts';
import { checkParameterRule, type NewParameterRule, type ParameterRule } from './parameter-rule.ts';
import type { Administration } from './ports.ts';

/** Every replica holds every rule in memory; a project has a handful. */
export const MAX_PARAMETER_RULES = 10_000;

/** Makes a rule, or replaces the one for the same project, model and parameter, which keeps its id. */
export function setParameterRule(administration: Administration, actor: Actor, given: NewParameterRule): Promise<ParameterRule> {
  const checked = checkParameterRule(given);
  const nowMs = administration.clock.wallMs();
  const { organisationId } = actor;
  return administration.acts.act(async (state) => {
    await authorise(state, actor, 'parameter_rule.change', nowMs);
    if (checked.projectId !== undefined && !(await state.project(organisationId, checked.projectId))) {
      throw new ServiceError('not_found', 'There is no such project.', { param: 'project_id' });
    }
    const { all, sameId } = await state.parameterRuleCounts(organisationId, checked);
    if (sameId === undefined && all >= MAX_PARAMETER_RULES) {
      throw new ServiceError('failed_precondition', `An organisation holds at most ${MAX_PARAMETER_RULES} parameter rules.`);
    }
    const rule = { ...checked, id: sameId ?? administration.ids.next('prule') };
    await state.putParameterRule(organisationId, rule, nowMs);
    await state.record({ actor, action: 'parameter_rule.set', object: `parameter_rule:${rule.id}`, atMs: nowMs, detail: ruleDetail(rule) }, { parameterRule: rule });
    return rule;
  });
}

/** A rule as the record of an act tells it; what is not set is left out. */
export function ruleDetail(rule: ParameterRule): Record<string, string | number> {
  const { parameter, projectId, model, min, max, defaultValue, outOfBounds } = rule;
  return {
    parameter,
    out_of_bounds: outOfBounds,
    ...(projectId === undefined ? {} : { project_id: projectId }),
    ...(model === undefined ? {} : { model }),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    ...(defaultValue === undefined ? {} : { default: defaultValue }),
  };
}
