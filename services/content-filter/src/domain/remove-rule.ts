import { ServiceError } from '@sluice/errors';
import type { Actor } from '@sluice/events';
import type { ChangedRule } from './add-rule.ts';
import type { Administration } from './ports.ts';
import { detailOf, type RuleHead } from './rule.ts';

/** Takes a rule out of force; every process that filters hears of it. Errors: `not_found`, and those of `addRule` about permission. */
export async function removeRule({ acts, permissions, clock }: Administration, actor: Actor, ruleId: string): Promise<ChangedRule<RuleHead>> {
  await permissions.require(actor, 'filter.change');
  return acts.act(actor.organisationId, async (state) => {
    const rule = await state.rule(ruleId);
    if (!rule) throw new ServiceError('not_found', 'There is no such rule.', { param: 'rule_id' });
    const atMs = clock.wallMs();
    await state.removeRule(ruleId, atMs);
    await state.record({ actor, action: 'filter.rule_removed', object: `filter_rule:${ruleId}`, atMs, detail: detailOf(rule) });
    return { rule, version: state.version };
  });
}
