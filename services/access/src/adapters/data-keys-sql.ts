import type { RootKey } from '@sluice/envelope';
import type { SqlQuery } from '@sluice/sql';
import type { DataKey } from '../domain/project.ts';

/** What a wrapped data key is for; a key moved to another project's row does not open. */
export function dataKeyPurpose(projectId: string): string {
  return `project-data-key:${projectId}`;
}

interface DataKeyRow {
  id: string;
  project_id: string;
  sealed: Buffer;
}

/** Unwrapped data keys by project, the sealing one first. `projectIds` undefined: of every project. */
export async function readDataKeys(
  sql: SqlQuery, rootKey: RootKey, projectIds?: readonly string[],
): Promise<ReadonlyMap<string, readonly DataKey[]>> {
  const rows = await sql.query<DataKeyRow>(
    `select id, project_id, sealed from data_key where $1::text[] is null or project_id = any ($1)
     order by created_at_ms desc, id desc`,
    [projectIds ?? null],
  );
  const byProject = new Map<string, DataKey[]>();
  for (const { id, project_id, sealed } of rows) {
    const keys = byProject.get(project_id) ?? [];
    keys.push({ id, key: rootKey.unwrap(dataKeyPurpose(project_id), sealed) });
    byProject.set(project_id, keys);
  }
  return byProject;
}
