import { ServiceError } from '@sluice/errors';
import type { Actor } from '@sluice/events';
import { authorise } from './authorise.ts';
import type { ParameterRule } from './parameter-rule.ts';
import type { Administration } from './ports.ts';
import { ruleDetail } from './set-parameter-rule.ts';

/** Takes a rule away and returns it as it was. Errors: `not_found`. */
export function removeParameterRule(administration: Administration, actor: Actor, ruleId: string): Promise<ParameterRule> {
  if (ruleId === '') throw new ServiceError('missing_required_parameter', '`rule_id` must not be empty.', { param: 'rule_id' });
  const nowMs = administration.clock.wallMs();
  return administration.acts.act(async (state) => {
    await authorise(state, actor, 'parameter_rule.change', nowMs);
    const rule = await state.removeParameterRule(actor.organisationId, ruleId);
    if (!rule) throw new ServiceError('not_found', 'There is no such parameter rule.', { param: 'rule_id' });
    await state.record({ actor, action: 'parameter_rule.removed', object: `parameter_rule:${ruleId}`, atMs: nowMs, detail: ruleDetail(rule) }, { removedParameterRuleId: ruleId });
    return rule;
  });
}
