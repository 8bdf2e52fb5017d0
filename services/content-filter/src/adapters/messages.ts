import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import {
  Action as ActionNumber, Direction as DirectionNumber, RuleSchema, RuleStatsSchema, type CallHits as CallHitsMessage, type CallHitsSchema, type Rule as RuleMessage,
  type RuleInForce, type RuleInForceSchema, type RuleStats,
} from '@sluice/proto/content_filter/v1/content_filter';
import type { CallHits } from '../domain/call/call-filter.ts';
import { isKind, type Action, type Direction, type Rule, type RuleHead } from '../domain/rule.ts';
import { LISTED_PATTERNS, type ListedRule, type RuleHits } from './reads-sql.ts';
import { headOf, linesOf, type RuleRow } from './rows.ts';

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

/** A rule for whoever applies it. */
export function ruleInForceMessage(row: RuleRow): MessageInitShape<typeof RuleInForceSchema> {
  return { rule: headMessage(headOf(row)), patterns: row.patterns };
}

/** The same where it is applied. Errors: `internal` for one that this process knows too little of to apply it. */
export function ruleInForceOf({ rule, patterns }: RuleInForce): Rule {
  const action = rule && actionOf(rule.action);
  const direction = rule && directionOf(rule.direction);
  if (!rule || !action || !direction || !isKind(rule.kind)) throw new ServiceError('internal', 'A rule of the filter cannot be applied by this version.');
  const { id, organisationId, projectId, kind, patternCount, title, createdAtMs } = rule;
  return { id, organisationId, projectId: projectId === '' ? undefined : projectId, kind, patterns: linesOf(patterns, patternCount), patternCount, action, direction, title, createdAtMs: Number(createdAtMs) };
}

export function callHitsMessage({ counts, atMs, ...call }: CallHits): MessageInitShape<typeof CallHitsSchema> {
  return { ...call, hits: [...call.hits], counts: counts.map(({ ruleId, action, count }) => ({ ruleId, action: ACTIONS[action], count })), atMs: BigInt(atMs) };
}

export function callHitsOf({ callId, organisationId, projectId, policyVersion, hits, hitCount, counts, atMs }: CallHitsMessage): CallHits {
  const known = counts.flatMap(({ ruleId, action, count }) => {
    const did = actionOf(action);
    return did === undefined || did === 'allow' ? [] : [{ ruleId, action: did, count }];
  });
  return { callId, organisationId, projectId, policyVersion, hits, hitCount, counts: known, atMs: Number(atMs) };
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

/** Everything is of an organisation, reads as well. */
export function requireOrganisation(organisationId: string): void {
  if (organisationId === '') throw new ServiceError('missing_required_parameter', 'An organisation must be named.', { param: 'organisation_id' });
}
