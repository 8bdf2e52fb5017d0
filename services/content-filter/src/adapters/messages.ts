import { create } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import {
  Action as ActionNumber, Direction as DirectionNumber, RuleSchema, RuleStatsSchema, type Rule as RuleMessage, type RuleStats,
} from '@sluice/proto/content_filter/v1/content_filter';
import type { Action, Direction, Rule, RuleHead } from '../domain/rule.ts';
import { LISTED_PATTERNS, type ListedRule, type RuleHits } from './reads-sql.ts';

const ACTIONS: Readonly<Record<Action, ActionNumber>> = {
  block: ActionNumber.BLOCK, mask: ActionNumber.MASK, flag: ActionNumber.FLAG, allow: ActionNumber.ALLOW,
};
const DIRECTIONS: Readonly<Record<Direction, DirectionNumber>> = { in: DirectionNumber.IN, out: DirectionNumber.OUT, both: DirectionNumber.BOTH };

/** A rule as administrators see it: a long list is told by its count. */
export function ruleMessage({ rule, patterns }: ListedRule): RuleMessage {
  return wholeRuleMessage({ ...rule, patterns: patterns.length <= LISTED_PATTERNS ? patterns : [] });
}

/** The same with all of its patterns. */
export function wholeRuleMessage(rule: Rule): RuleMessage {
  return create(RuleSchema, {
    id: rule.id,
    organisationId: rule.organisationId,
    projectId: rule.projectId ?? '',
    kind: rule.kind,
    patterns: [...rule.patterns],
    patternCount: rule.patternCount,
    action: ACTIONS[rule.action],
    direction: DIRECTIONS[rule.direction],
    title: rule.title,
    createdAtMs: BigInt(rule.createdAtMs),
  });
}

/** A rule without its patterns. */
export function headMessage(rule: RuleHead): RuleMessage {
  return ruleMessage({ rule, patterns: [] });
}

export function statsMessage({ rule_id, title, project_id, blocked, masked, flagged, last_hit_ms }: RuleHits): RuleStats {
  return create(RuleStatsSchema, { ruleId: rule_id, title, projectId: project_id, blocked, masked, flagged, lastHitMs: last_hit_ms });
}

export function actionOf(number: ActionNumber): Action | undefined {
  return valueOf(ACTIONS, number, 'action');
}

export function directionOf(number: DirectionNumber): Direction | undefined {
  return valueOf(DIRECTIONS, number, 'direction');
}

/** Undefined for "not given"; a number that no contract knows is refused, because it may mean less than we would assume. */
function valueOf<T extends string>(numbers: Readonly<Record<T, number>>, number: number, param: string): T | undefined {
  if (number === 0) return undefined;
  const found = (Object.keys(numbers) as T[]).find((value) => numbers[value] === number);
  if (!found) throw new ServiceError('invalid_value', `\`${param}\` has an unknown value.`, { param });
  return found;
}
