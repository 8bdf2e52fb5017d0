import type { RootKey } from '@sluice/envelope';
import type { EventLog } from '@sluice/events';
import { AccessChangedSchema } from '@sluice/proto/events/v1/changes';
import type { Sql, SqlQuery } from '@sluice/sql';
import type { ApiKey } from '../domain/api-key.ts';
import { MAX_UNREVOKED_KEYS } from '../domain/create-api-key.ts';
import type { SubjectLimits } from '../domain/limits.ts';
import type { ParameterRule } from '../domain/parameter-rule.ts';
import type { DataKey, Organisation, Project } from '../domain/project.ts';
import { readDataKeys } from './data-keys-sql.ts';
import { readLimits, readParameterRules } from './limits-sql.ts';
import { keyOf, projectOf, type KeyRow, type ProjectRow } from './rows.ts';

/** Revoked keys stay for good; a list shows the newest of them behind all that still count. */
const MAX_LISTED_KEYS = MAX_UNREVOKED_KEYS + 5_000;

export interface ProjectWithKeys {
  readonly project: Project;
  readonly dataKeys: readonly DataKey[];
}

/** Everything a replica holds, at one position of access.changed. Revoked keys are left out: they open nothing. */
export interface Snapshot {
  readonly position: bigint;
  readonly organisations: readonly Organisation[];
  readonly projects: readonly ProjectWithKeys[];
  readonly keys: readonly ApiKey[];
  readonly limits: readonly SubjectLimits[];
  readonly parameterRules: ReadonlyMap<string, readonly ParameterRule[]>;
}

/** State and position are one sight of the database: an event is in both or in neither. */
export function readSnapshot(sql: Sql, events: EventLog, rootKey: RootKey): Promise<Snapshot> {
  return sql.transaction(async (transaction) => {
    await transaction.query('set transaction isolation level repeatable read, read only');
    return {
      position: await events.position(transaction, AccessChangedSchema),
      organisations: await transaction.query<Organisation>('select id, name from organisation order by id'),
      projects: await withKeys(transaction, rootKey, await transaction.query<ProjectRow>('select * from project order by id')),
      keys: (await transaction.query<KeyRow>('select * from api_key where revoked_at_ms is null order by id')).map(keyOf),
      limits: await readLimits(transaction),
      parameterRules: await readParameterRules(transaction),
    };
  });
}

export async function readProjectWithKeys(sql: Sql, rootKey: RootKey, organisationId: string, projectId: string): Promise<ProjectWithKeys | undefined> {
  const rows = await sql.query<ProjectRow>('select * from project where id = $1 and organisation_id = $2', [projectId, organisationId]);
  return (await withKeys(sql, rootKey, rows, [projectId]))[0];
}

export async function listProjects(sql: Sql, organisationId: string): Promise<Project[]> {
  const rows = await sql.query<ProjectRow>('select * from project where organisation_id = $1 order by id', [organisationId]);
  return rows.map(projectOf);
}

/** Keys of an organisation, oldest first. */
export async function listKeys(sql: Sql, organisationId: string): Promise<ApiKey[]> {
  const text = `
    select * from (
      select * from api_key where organisation_id = $1 order by revoked_at_ms is not null, id desc limit $2
    ) as listed order by id`;
  return (await sql.query<KeyRow>(text, [organisationId, MAX_LISTED_KEYS])).map(keyOf);
}

async function withKeys(
  sql: SqlQuery, rootKey: RootKey, rows: readonly ProjectRow[], projectIds?: readonly string[],
): Promise<ProjectWithKeys[]> {
  const dataKeys = await readDataKeys(sql, rootKey, projectIds);
  return rows.map((row) => ({ project: projectOf(row), dataKeys: dataKeys.get(row.id) ?? [] }));
}
