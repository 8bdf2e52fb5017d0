import { ServiceError } from '@sluice/errors';
import { actorOf } from '@sluice/events';
import type { FilterRulesService } from '@sluice/proto/content_filter/v1/content_filter';
import type { Implementation } from '@sluice/rpc';
import type { Sql } from '@sluice/sql';
import { actCounter } from '@sluice/telemetry';
import { addRule } from '../domain/add-rule.ts';
import type { Administration } from '../domain/ports.ts';
import { removeRule } from '../domain/remove-rule.ts';
import { actionOf, directionOf, headMessage, requireOrganisation, ruleMessage, statsMessage, wholeRuleMessage } from './messages.ts';
import { listRules, readRule, readStats } from './reads-sql.ts';

const countAct = actCounter('content-filter');

/** The rpcs of administrators: contract to domain and back. */
export function rulesRpc(sql: Sql, administration: Administration): Omit<Implementation<typeof FilterRulesService>, 'getSnapshot' | 'getRulesInForce' | 'addHits'> {
  return {
    addRule: (request) =>
      countAct('filter.rule_add', async () => {
        const { kind, patterns, title, projectId } = request;
        const given = { kind, patterns, title, action: actionOf(request.action), direction: directionOf(request.direction) };
        const { rule, version } = await addRule(administration, actorOf(request.actor), projectId, given);
        return { rule: ruleMessage({ rule, patterns: rule.patterns }), policyVersion: version };
      }),
    removeRule: (request) =>
      countAct('filter.rule_remove', async () => {
        const { rule, version } = await removeRule(administration, actorOf(request.actor), request.ruleId);
        return { rule: headMessage(rule), policyVersion: version };
      }),
    async listRules({ organisationId, projectId }) {
      requireOrganisation(organisationId);
      const { version, rules } = await listRules(sql, organisationId, projectId);
      return { rules: rules.map(ruleMessage), policyVersion: version };
    },
    async getRule({ organisationId, ruleId }) {
      requireOrganisation(organisationId);
      const rule = await readRule(sql, organisationId, ruleId);
      if (!rule) throw new ServiceError('not_found', 'There is no such rule.', { param: 'rule_id' });
      return { rule: wholeRuleMessage(rule) };
    },
    async getStats({ organisationId, projectId, sinceMs }) {
      requireOrganisation(organisationId);
      return { rules: (await readStats(sql, organisationId, projectId, Number(sinceMs))).map(statsMessage) };
    },
  };
}
