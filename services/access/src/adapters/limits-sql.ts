import type { SqlQuery } from '@sluice/sql';
import type { Level, Limits, SubjectLimits } from '../domain/limits.ts';
import type { ParameterRule } from '../domain/parameter-rule.ts';
import { limitsOf, parameterRuleOf, type LimitsRow, type ParameterRuleRow } from './rows.ts';

export async function limitsOfSubject(sql: SqlQuery, organisationId: string, level: Level, subjectId: string): Promise<Limits | undefined> {
  const rows = await sql.query<LimitsRow>('select * from subject_limits where organisation_id = $1 and level = $2 and subject_id = $3', [organisationId, level, subjectId]);
  return rows[0] && limitsOf(rows[0]).limits;
}

export async function putLimits(sql: SqlQuery, organisationId: string, { level, subjectId, limits }: SubjectLimits): Promise<void> {
  const { requestsPerMinute, tokensPerMinute, concurrentRequests, requestsPerDay } = limits;
  await sql.query(
    `insert into subject_limits (organisation_id, level, subject_id, requests_per_minute, tokens_per_minute, concurrent_requests, requests_per_day)
     values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (organisation_id, level, subject_id) do update
     set requests_per_minute = $4, tokens_per_minute = $5, concurrent_requests = $6, requests_per_day = $7`,
    [organisationId, level, subjectId, requestsPerMinute, tokensPerMinute, concurrentRequests, requestsPerDay],
  );
}

export async function removeLimits(sql: SqlQuery, organisationId: string, level: Level, subjectId: string): Promise<void> {
  await sql.query('delete from subject_limits where organisation_id = $1 and level = $2 and subject_id = $3', [organisationId, level, subjectId]);
}

/** Limits that still bind somebody: those of revoked keys are left out. `organisationId` undefined: of every organisation. */
export async function readLimits(sql: SqlQuery, organisationId?: string): Promise<SubjectLimits[]> {
  const text = `
    select limits.* from subject_limits as limits
    left join api_key as key on limits.level = 'key' and key.id = limits.subject_id
    where ($1::text is null or limits.organisation_id = $1) and key.revoked_at_ms is null
    order by array_position(array['organisation', 'project', 'key'], limits.level), limits.subject_id`;
  return (await sql.query<LimitsRow>(text, [organisationId ?? null])).map(limitsOf);
}

export async function parameterRuleCounts(
  sql: SqlQuery, organisationId: string, { projectId, model, parameter }: Omit<ParameterRule, 'id'>,
): Promise<{ readonly all: number; readonly sameId: string | undefined }> {
  const text = `
    select count(*) as all,
           min(id) filter (where project_id is not distinct from $2 and model is not distinct from $3 and parameter = $4) as same_id
    from parameter_rule where organisation_id = $1`;
  const [row] = await sql.query<{ all: bigint; same_id: string | null }>(text, [organisationId, projectId ?? null, model ?? null, parameter]);
  return { all: Number(row!.all), sameId: row!.same_id ?? undefined };
}

export async function putParameterRule(sql: SqlQuery, organisationId: string, rule: ParameterRule, createdAtMs: number): Promise<void> {
  await sql.query(
    `insert into parameter_rule (id, organisation_id, project_id, model, parameter, min, max, default_value, out_of_bounds, created_at_ms)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
     on conflict (id) do update set min = $6, max = $7, default_value = $8, out_of_bounds = $9`,
    [
      rule.id, organisationId, rule.projectId ?? null, rule.model ?? null, rule.parameter, rule.min ?? null, rule.max ?? null,
      rule.defaultValue ?? null, rule.outOfBounds, createdAtMs,
    ],
  );
}

export async function removeParameterRule(sql: SqlQuery, organisationId: string, ruleId: string): Promise<ParameterRule | undefined> {
  const rows = await sql.query<ParameterRuleRow>('delete from parameter_rule where organisation_id = $1 and id = $2 returning *', [organisationId, ruleId]);
  return rows[0] && parameterRuleOf(rows[0]);
}

/** Rules by organisation, oldest first. `organisationId` undefined: of every organisation. */
export async function readParameterRules(sql: SqlQuery, organisationId?: string): Promise<ReadonlyMap<string, readonly ParameterRule[]>> {
  const rows = await sql.query<ParameterRuleRow>('select * from parameter_rule where $1::text is null or organisation_id = $1 order by id', [organisationId ?? null]);
  const byOrganisation = new Map<string, ParameterRule[]>();
  for (const row of rows) {
    const rules = byOrganisation.get(row.organisation_id) ?? [];
    rules.push(parameterRuleOf(row));
    byOrganisation.set(row.organisation_id, rules);
  }
  return byOrganisation;
}
