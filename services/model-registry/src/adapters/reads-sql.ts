import type { EventLog } from '@sluice/events';
import { RegistryChangedSchema } from '@sluice/proto/events/v1/changes';
import type { Sql, SqlQuery } from '@sluice/sql';
import type { Alias, Deployment, Model, Version } from '../domain/model.ts';
import type { Credentials } from './credentials.ts';
import { aliasOf, deploymentOf, modelOf, versionOf, type AliasRow, type DeploymentRow, type ModelRow, type VersionRow } from './rows.ts';

/** Models that are in service, with all their versions, the deployments that are not removed, and aliases. */
export interface Registry {
  readonly models: readonly Model[];
  readonly versions: readonly Version[];
  readonly deployments: readonly Deployment[];
  readonly aliases: readonly Alias[];
}

/** The registry of every organisation at one position of registry.changed, with what opens the upstreams. */
export interface Snapshot extends Registry {
  readonly position: bigint;
  readonly credentials: readonly { readonly deploymentId: string; readonly token: string }[];
}

/** State and position are one sight of the database: an event is in both or in neither. */
export function readSnapshot(sql: Sql, events: EventLog, credentials: Credentials): Promise<Snapshot> {
  return oneSight(sql, async (query) => {
    const position = await events.position(query, RegistryChangedSchema);
    const { rows, ...registry } = await readRegistry(query, null);
    const tokens = rows.flatMap(({ id, sealed_credential }) =>
      sealed_credential ? [{ deploymentId: id, token: credentials.open(id, sealed_credential) }] : []);
    return { ...registry, position, credentials: tokens };
  });
}

/** The registry of one organisation. */
export function listModels(sql: Sql, organisationId: string): Promise<Registry> {
  return oneSight(sql, (query) => readRegistry(query, organisationId));
}

function oneSight<T>(sql: Sql, read: (transaction: Parameters<Parameters<Sql['transaction']>[0]>[0]) => Promise<T>): Promise<T> {
  return sql.transaction(async (transaction) => {
    await transaction.query('set transaction isolation level repeatable read, read only');
    return read(transaction);
  });
}

async function readRegistry(sql: SqlQuery, organisationId: string | null): Promise<Registry & { rows: readonly DeploymentRow[] }> {
  const inService = 'model.removed_at_ms is null and ($1::text is null or model.organisation_id = $1)';
  const models = await sql.query<ModelRow>(`select * from model where ${inService} order by id`, [organisationId]);
  const versions = await sql.query<VersionRow>(
    `select version.* from version join model on model.id = version.model_id where ${inService} order by version.id`,
    [organisationId],
  );
  const rows = await sql.query<DeploymentRow>(
    `select deployment.* from deployment join version on version.id = deployment.version_id join model on model.id = version.model_id
     where ${inService} and deployment.state <> 'removed' order by deployment.id`,
    [organisationId],
  );
  const aliases = await sql.query<AliasRow>(
    'select * from alias where $1::text is null or organisation_id = $1 order by organisation_id, name',
    [organisationId],
  );
  return {
    models: models.map(modelOf), versions: versions.map(versionOf), deployments: rows.map(deploymentOf), aliases: aliases.map(aliasOf), rows,
  };
}
