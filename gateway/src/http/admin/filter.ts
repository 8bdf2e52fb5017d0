import { Action, Direction, type Hit, type Rule, type RuleStats, type TryResponse } from '@sluice/proto/content_filter/v1/content_filter';
import type { CallOptions } from '@sluice/rpc';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { FILTER_BODY_LIMIT_BYTES, FILTER_WORDS_LIMIT } from '../limits.ts';
import { ALL, OWNER, adminRoute, type AdminDoor } from './door.ts';
import { requireKnown } from './known-subjects.ts';
import { filterInput, list, nameInput, text, time, timeInput } from './view.ts';

const ACTIONS = { block: Action.BLOCK, mask: Action.MASK, flag: Action.FLAG, allow: Action.ALLOW } as const;
const DIRECTIONS = { in: Direction.IN, out: Direction.OUT, both: Direction.BOTH } as const;
const actionNames = Object.keys(ACTIONS) as [keyof typeof ACTIONS];
const directionNames = Object.keys(DIRECTIONS) as [keyof typeof DIRECTIONS];

const newRule = {
  kind: nameInput.default('word'),
  patterns: z.array(z.string()).max(FILTER_WORDS_LIMIT, `it must hold at most ${FILTER_WORDS_LIMIT} words`).default([]),
  action: z.enum(actionNames, `it must be one of ${actionNames.join(', ')}`).default('block'),
  direction: z.enum(directionNames, `it must be one of ${directionNames.join(', ')}`).default('both'),
  project_id: nameInput.nullish(),
  title: nameInput.nullish(),
};
const trial = { text: z.string(), direction: z.enum(['in', 'out'], 'it must be in or out').default('in'), project_id: nameInput.nullish() };

/** What may go into a model and come out of one. */
export function filterRoutes(server: FastifyInstance, door: AdminDoor): void {
  const long = { bodyLimitBytes: FILTER_BODY_LIMIT_BYTES };
  // Whoever changed a rule may try it here at once; other processes apply it within a second.
  const inForce = async (organisationId: string, policyVersion: bigint, options: CallOptions): Promise<void> => void (await door.filter.awaitRules({ organisationId, policyVersion }, options));
  adminRoute(server, door, 'GET', '/filter/rules', ALL, async (request) => {
    const { actor, options } = request;
    const { project_id: projectId } = request.query({ project_id: filterInput });
    await requireKnown(door, request, { projectId });
    const { rules, policyVersion } = await door.filterRules.listRules({ organisationId: actor.organisationId, projectId }, options);
    return { json: { ...list(rules.map(ruleView)), policy_version: Number(policyVersion) } };
  });
  adminRoute(server, door, 'GET', '/filter/rules/:id', ALL, async ({ actor, options, param }) => {
    const { rule } = await door.filterRules.getRule({ organisationId: actor.organisationId, ruleId: param('id') }, options);
    return { json: ruleView(rule!) };
  });
  adminRoute(server, door, 'POST', '/filter/rules', OWNER, async ({ actor, options, body }) => {
    const { kind, patterns, action, direction, project_id, title } = body(newRule);
    const asked = { actor, kind, patterns, action: ACTIONS[action], direction: DIRECTIONS[direction], projectId: project_id ?? '', title: title ?? '' };
    const { rule, policyVersion } = await door.filterRules.addRule(asked, options);
    await inForce(actor.organisationId, policyVersion, options);
    return { status: 201, json: { ...ruleView(rule!), policy_version: Number(policyVersion) } };
  }, long);
  adminRoute(server, door, 'DELETE', '/filter/rules/:id', OWNER, async ({ actor, options, param }) => {
    const { rule, policyVersion } = await door.filterRules.removeRule({ actor, ruleId: param('id') }, options);
    await inForce(actor.organisationId, policyVersion, options);
    return { json: { ...ruleView(rule!), deleted: true, policy_version: Number(policyVersion) } };
  });
  adminRoute(server, door, 'POST', '/filter/try', ALL, async (request) => {
    const { text: tried, direction, project_id } = request.body(trial);
    const projectId = project_id ?? '';
    await requireKnown(door, request, { projectId });
    const asked = { organisationId: request.actor.organisationId, projectId, text: tried, direction: DIRECTIONS[direction] };
    return { json: trialView(await door.filter.try(asked, request.options)) };
  }, long);
  adminRoute(server, door, 'GET', '/filter/stats', ALL, async (request) => {
    const { actor, options } = request;
    const { project_id: projectId, since } = request.query({ project_id: filterInput, since: timeInput });
    await requireKnown(door, request, { projectId });
    const { rules } = await door.filterRules.getStats({ organisationId: actor.organisationId, projectId, sinceMs: since }, options);
    return { json: list(rules.map(statsView)) };
  });
}

/** `patterns` is null for a list that is told by its count alone. */
function ruleView({ id, projectId, kind, patterns, patternCount, action, direction, title, createdAtMs }: Rule): object {
  return {
    object: 'filter.rule',
    id,
    project_id: text(projectId),
    kind,
    action: actionName(action),
    direction: directionName(direction),
    title,
    patterns: patterns.length === patternCount ? patterns : null,
    pattern_count: patternCount,
    created_at: time(createdAtMs),
  };
}

function trialView({ text: left, action, policyVersion, hits, ruleTitle }: TryResponse): object {
  return { object: 'filter.trial', text: left, action: actionName(action), rule_title: text(ruleTitle), policy_version: Number(policyVersion), hits: hits.map(hitView) };
}

/** Without a hash: it would tell whoever tries texts what was found in the calls on record. */
function hitView({ ruleId, kind, action, direction, start, end }: Hit): object {
  return { rule_id: ruleId, kind, action: actionName(action), direction: directionName(direction), start: Number(start), end: Number(end) };
}

function statsView({ ruleId, title, projectId, blocked, masked, flagged, lastHitMs }: RuleStats): object {
  return { object: 'filter.stats', rule_id: ruleId, title, project_id: text(projectId), blocked: Number(blocked), masked: Number(masked), flagged: Number(flagged), last_hit_at: time(lastHitMs) };
}

/** Null: no rule spoke. */
function actionName(action: Action): string | null {
  return actionNames.find((name) => ACTIONS[name] === action) ?? null;
}

function directionName(direction: Direction): string | null {
  return directionNames.find((name) => DIRECTIONS[name] === direction) ?? null;
}
