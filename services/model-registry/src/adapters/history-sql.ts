import type { SqlTransaction } from '@sluice/sql';
import type { Change } from '../domain/ports.ts';

/** Writes what a change made live or took out of service; the rows that it describes are in the transaction already. */
export async function appendHistory(transaction: SqlTransaction, organisationId: string, atMs: number, change: Change): Promise<void> {
  if (change.deployments?.length) {
    await transaction.query(
      `insert into history (organisation_id, at_ms, subject, subject_id, live, model_id, model_name, version_number, digest, target)
       select $1, $2, 'deployment', deployment.id, deployment.state = 'active', model.id, model.name, version.number, version.digest, deployment.target
       from unnest($3::text[]) with ordinality as changed (id, at)
       join deployment on deployment.id = changed.id
       join version on version.id = deployment.version_id
       join model on model.id = version.model_id
       order by changed.at`,
      [organisationId, atMs, change.deployments.map(({ id }) => id)],
    );
  }
  if (change.aliases?.length) {
    await transaction.query(
      `insert into history (organisation_id, at_ms, subject, subject_id, live, model_id, model_name)
       select $1, $2, 'alias', alias.name, true, model.id, model.name from alias join model on model.id = alias.model_id
       where alias.organisation_id = $1 and alias.name = any ($3::text[])`,
      [organisationId, atMs, change.aliases.map(({ name }) => name)],
    );
  }
  if (change.removedAliasNames?.length) {
    await transaction.query(
      `insert into history (organisation_id, at_ms, subject, subject_id, live) select $1, $2, 'alias', gone, false from unnest($3::text[]) as gone`,
      [organisationId, atMs, change.removedAliasNames],
    );
  }
}
