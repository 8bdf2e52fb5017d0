import type { ApiKey, KeyKind } from '../domain/api-key.ts';
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

function timeOf(column: bigint | null): number | undefined {
  return column === null ? undefined : Number(column);
}
