import type { EventLog } from '@sluice/events';
import { FilterChangedSchema } from '@sluice/proto/events/v1/changes';
import type { Sql, SqlQuery, SqlTransaction } from '@sluice/sql';
import type { RulesInForce } from '../domain/ports.ts';
import type { Rule, RuleHead } from '../domain/rule.ts';
import { HEAD_COLUMNS, headOf, ruleOf, type RuleRow } from './rows.ts';

/** A longer list is told by its count alone. */
export const LISTED_PATTERNS = 20;

/** The version of every organisation that ever had a rule, at one position of filter.changed. */
export interface Versions {
  readonly position: bigint;
  readonly versions: ReadonlyMap<string, bigint>;
}

export function readVersions(sql: Sql, events: Pick<EventLog, 'position'>): Promise<Versions> {
  return oneSight(sql, async (query) => {
    const position = await events.position(query, FilterChangedSchema);
    const rows = await query.query<{ organisation_id: string; version: bigint }>('select organisation_id, version from organisation_policy');
    return { position, versions: new Map(rows.map((row) => [row.organisation_id, row.version])) };
  });
}

/** Everything that is needed to apply the rules of an organisation. Rules never change: the words of those that are known are not read again. */
export function readRuleRows(sql: Sql, organisationId: string, knownIds: readonly string[]): Promise<{ readonly version: bigint; readonly rows: readonly RuleRow[] }> {
  const text = `
    select ${HEAD_COLUMNS}, case when id = any ($2) then '' else patterns end as patterns from rule
    where organisation_id = $1 and removed_version is null order by id`;
  return oneSight(sql, async (query) => ({
    version: await versionOf(query, organisationId),
    rows: await query.query<RuleRow>(text, [organisationId, knownIds]),
  }));
}

/** The same for who owns the tables. */
export async function readRules(sql: Sql, organisationId: string, known: ReadonlyMap<string, Rule>): Promise<RulesInForce> {
  const { version, rows } = await readRuleRows(sql, organisationId, [...known.keys()]);
  return { version, rules: rows.map((row) => known.get(row.id) ?? ruleOf(row)) };
}

/** A rule as it is shown; `patterns` is empty for a list that is too long to be shown. */
export interface ListedRule {
  readonly rule: RuleHead;
  readonly patterns: readonly string[];
}

/** `projectId` empty: the rules of the organisation and of all its projects; else those that hold for calls of that project. */
export function listRules(sql: Sql, organisationId: string, projectId: string): Promise<{ readonly version: bigint; readonly rules: readonly ListedRule[] }> {
  const text = `
    select ${HEAD_COLUMNS}, case when pattern_count <= ${LISTED_PATTERNS} then patterns else '' end as patterns from rule
    where organisation_id = $1 and removed_version is null and ($2 = '' or project_id is null or project_id = $2) order by id`;
  return oneSight(sql, async (query) => ({
    version: await versionOf(query, organisationId),
    rules: (await query.query<RuleRow>(text, [organisationId, projectId])).map(listed),
  }));
}

/** A rule in force with all of its patterns; undefined where there is none of that id. */
export async function readRule(sql: Sql, organisationId: string, ruleId: string): Promise<Rule | undefined> {
  const text = `select ${HEAD_COLUMNS}, patterns from rule where organisation_id = $1 and id = $2 and removed_version is null`;
  return (await sql.query<RuleRow>(text, [organisationId, ruleId])).map(ruleOf)[0];
}

/** How often a rule spoke in one project. */
export interface RuleHits {
  readonly rule_id: string;
  readonly title: string;
  readonly project_id: string;
  readonly blocked: bigint;
  readonly masked: bigint;
  readonly flagged: bigint;
  readonly last_hit_ms: bigint;
}

const DAY_MS = 86_400_000;
/** Rules times projects; who has more asks for one project. */
const MAX_STATS = 10_000;

/** Counts of all whole days (UTC) from the one of `sinceMs` on, the busiest rules first. Removed rules are told too. */
export function readStats(sql: Sql, organisationId: string, projectId: string, sinceMs: number): Promise<RuleHits[]> {
  const text = `
    select hits.rule_id, coalesce(rule.title, '') as title, hits.project_id,
           sum(blocked)::bigint as blocked, sum(masked)::bigint as masked, sum(flagged)::bigint as flagged, max(last_hit_ms) as last_hit_ms
    from hits_of_day as hits left join rule on rule.id = hits.rule_id and rule.organisation_id = hits.organisation_id
    where hits.organisation_id = $1 and hits.day >= $2 and ($3 = '' or hits.project_id = $3)
    group by hits.rule_id, rule.title, hits.project_id
    order by sum(blocked + masked + flagged) desc, hits.rule_id, hits.project_id limit ${MAX_STATS}`;
  return sql.query<RuleHits>(text, [organisationId, Math.floor(sinceMs / DAY_MS), projectId]);
}

function oneSight<T>(sql: Sql, read: (transaction: SqlTransaction) => Promise<T>): Promise<T> {
  return sql.transaction(async (transaction) => {
    await transaction.query('set transaction isolation level repeatable read, read only');
    return read(transaction);
  });
}

async function versionOf(sql: SqlQuery, organisationId: string): Promise<bigint> {
  const [row] = await sql.query<{ version: bigint }>('select version from organisation_policy where organisation_id = $1', [organisationId]);
  return row?.version ?? 0n;
}

function listed(row: RuleRow): ListedRule {
  const { patterns } = ruleOf(row);
  return { rule: headOf(row), patterns: row.pattern_count <= LISTED_PATTERNS ? patterns : [] };
}
