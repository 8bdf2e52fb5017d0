import type { ApiKey, KeyKind } from '../domain/api-key.ts';
import type { Level, SubjectLimits } from '../domain/limits.ts';
import type { OutOfBounds, ParameterRule } from '../domain/parameter-rule.ts';
import type { BodyPolicy, Project } from '../domain/project.ts';
import type { Role } from '../domain/role.ts';

export interface ProjectRow {
  id: string;
  organisation_id: string;
  name: string;
  body_policy: BodyPolicy;
  created_at_ms: bigint;
}

export interface KeyRow {
  id: string;
  organisation_id: string;
  kind: KeyKind;
  project_id: string | null;
  role: Role | null;
  name: string;
  prefix: string;
  keyed_hash: Buffer;
  models: string[];
  created_at_ms: bigint;
  expires_at_ms: bigint | null;
  revoked_at_ms: bigint | null;
}

export interface LimitsRow {
  organisation_id: string;
  level: Level;
  subject_id: string;
  requests_per_minute: bigint;
  tokens_per_minute: bigint;
  concurrent_requests: bigint;
  requests_per_day: bigint;
}

export interface ParameterRuleRow {
  id: string;
  organisation_id: string;
  project_id: string | null;
  model: string | null;
  parameter: string;
  min: number | null;
  max: number | null;
  default_value: number | null;
  out_of_bounds: OutOfBounds;
}

export function projectOf(row: ProjectRow): Project {
  return {
    id: row.id,
    organisationId: row.organisation_id,
    name: row.name,
    bodyPolicy: row.body_policy,
    createdAtMs: Number(row.created_at_ms),
  };
}

export function keyOf(row: KeyRow): ApiKey {
  return {
    id: row.id,
    organisationId: row.organisation_id,
    kind: row.kind,
    projectId: row.project_id ?? undefined,
    role: row.role ?? undefined,
    name: row.name,
    prefix: row.prefix,
    keyedHash: row.keyed_hash,
    models: row.models,
    createdAtMs: Number(row.created_at_ms),
    expiresAtMs: timeOf(row.expires_at_ms),
    revokedAtMs: timeOf(row.revoked_at_ms),
  };
}

export function limitsOf(row: LimitsRow): SubjectLimits {
  return {
    level: row.level,
    subjectId: row.subject_id,
    limits: {
      requestsPerMinute: Number(row.requests_per_minute),
      tokensPerMinute: Number(row.tokens_per_minute),
      concurrentRequests: Number(row.concurrent_requests),
      requestsPerDay: Number(row.requests_per_day),
    },
  };
}

export function parameterRuleOf(row: ParameterRuleRow): ParameterRule {
  return {
    id: row.id,
    projectId: row.project_id ?? undefined,
    model: row.model ?? undefined,
    parameter: row.parameter,
    min: row.min ?? undefined,
    max: row.max ?? undefined,
    defaultValue: row.default_value ?? undefined,
    outOfBounds: row.out_of_bounds,
  };
}

function timeOf(column: bigint | null): number | undefined {
  return column === null ? undefined : Number(column);
}
