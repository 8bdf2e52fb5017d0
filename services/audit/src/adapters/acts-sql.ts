import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ActSchema } from '@sluice/proto/audit/v1/audit';
import type { Sql } from '@sluice/sql';

interface ActRow {
  readonly leaf_index: bigint;
  readonly id: string;
  readonly organisation_id: string;
  readonly actor_key_id: string;
  readonly actor_organisation_id: string;
  readonly action: string;
  readonly object: string;
  readonly acted_at_ms: bigint;
  readonly detail_json: string;
}

/** Acts in one organisation, newest first; one more than `limit` when there are more. `after` is an act's id. */
export async function listActs(sql: Sql, organisationId: string, after: string, limit: number): Promise<MessageInitShape<typeof ActSchema>[]> {
  const rows = await sql.query<ActRow>(
    `SELECT leaf_index, id, organisation_id, actor_key_id, actor_organisation_id, action, object, acted_at_ms, detail_json FROM act
     WHERE organisation_id = $1 AND ($2 = '' OR leaf_index < (SELECT leaf_index FROM act WHERE id = $2 AND organisation_id = $1))
     ORDER BY leaf_index DESC LIMIT ${limit + 1}`,
    [organisationId, after],
  );
  return rows.map((row) => ({
    leafIndex: row.leaf_index,
    act: {
      id: row.id, organisationId: row.organisation_id, actor: { keyId: row.actor_key_id, organisationId: row.actor_organisation_id },
      action: row.action, object: row.object, actedAtMs: row.acted_at_ms, detailJson: row.detail_json,
    },
  }));
}

/** Whether an organisation has an act of this id. */
export async function isAct(sql: Sql, organisationId: string, id: string): Promise<boolean> {
  return (await sql.query('SELECT FROM act WHERE id = $1 AND organisation_id = $2', [id, organisationId])).length > 0;
}
