import { publishAct, type ActOutlet, type AdminAct } from '@sluice/events';
import { RegistryChangedSchema } from '@sluice/proto/events/v1/changes';
import type { Sql, SqlTransaction } from '@sluice/sql';
import type { Alias, Deployment, Model, Version } from '../domain/model.ts';
import type { Acts, Change, RegistryState } from '../domain/ports.ts';
import type { Credentials } from './credentials.ts';
import { appendHistory } from './history-sql.ts';
import { changedMessage } from './messages.ts';
import { aliasOf, deploymentOf, modelOf, versionOf, type AliasRow, type DeploymentRow, type ModelRow, type VersionRow } from './rows.ts';

interface Outlets extends ActOutlet {
  readonly credentials: Credentials;
}

/** Acts as PostgreSQL transactions, one at a time in an organisation: names are unique across two tables. */
export function sqlActs(sql: Sql, outlets: Outlets): Acts {
  return {
    act: (organisationId, work) =>
      sql.transaction(async (transaction) => {
        await transaction.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`model registry ${organisationId}`]);
        return work(new SqlRegistryState(transaction, organisationId, outlets));
      }),
  };
}

class SqlRegistryState implements RegistryState {
  readonly #sql: SqlTransaction;
  readonly #organisationId: string;
  readonly #outlets: Outlets;

  constructor(sql: SqlTransaction, organisationId: string, outlets: Outlets) {
    this.#sql = sql;
    this.#organisationId = organisationId;
    this.#outlets = outlets;
  }

  async model(name: string): Promise<Model | undefined> {
    const text = 'select * from model where organisation_id = $1 and name = $2 and removed_at_ms is null';
    return (await this.#sql.query<ModelRow>(text, [this.#organisationId, name])).map(modelOf)[0];
  }

  async alias(name: string): Promise<Alias | undefined> {
    const text = 'select * from alias where organisation_id = $1 and name = $2';
    return (await this.#sql.query<AliasRow>(text, [this.#organisationId, name])).map(aliasOf)[0];
  }

  async aliasesOf(modelId: string): Promise<Alias[]> {
    return (await this.#sql.query<AliasRow>('select * from alias where model_id = $1 order by name', [modelId])).map(aliasOf);
  }

  async versions(modelId: string): Promise<Version[]> {
    return (await this.#sql.query<VersionRow>('select * from version where model_id = $1 order by number', [modelId])).map(versionOf);
  }

  async deployments(modelId: string): Promise<Deployment[]> {
    const text = `
      select deployment.* from deployment join version on version.id = deployment.version_id
      where version.model_id = $1 and deployment.state <> 'removed' order by deployment.id`;
    return (await this.#sql.query<DeploymentRow>(text, [modelId])).map(deploymentOf);
  }

  async counts(): Promise<{ readonly models: number; readonly aliases: number }> {
    const text = `
      select (select count(*) from model where organisation_id = $1 and removed_at_ms is null) as models,
             (select count(*) from alias where organisation_id = $1) as aliases`;
    const [row] = await this.#sql.query<{ models: bigint; aliases: bigint }>(text, [this.#organisationId]);
    return { models: Number(row!.models), aliases: Number(row!.aliases) };
  }

  async credential(deploymentId: string): Promise<string | undefined> {
    const text = 'select sealed_credential from deployment where id = $1';
    const [row] = await this.#sql.query<Pick<DeploymentRow, 'sealed_credential'>>(text, [deploymentId]);
    return row?.sealed_credential ? this.#outlets.credentials.open(deploymentId, row.sealed_credential) : undefined;
  }

  async addModel({ id, organisationId, name, createdAtMs }: Model): Promise<void> {
    const text = 'insert into model (id, organisation_id, name, created_at_ms) values ($1, $2, $3, $4)';
    await this.#sql.query(text, [id, organisationId, name, createdAtMs]);
  }

  async addVersion({ id, modelId, number, digest, description, createdAtMs, signature }: Version): Promise<void> {
    const text = 'insert into version (id, model_id, number, digest, description, created_at_ms, signature) values ($1, $2, $3, $4, $5, $6, $7)';
    await this.#sql.query(text, [id, modelId, number, digest, description, createdAtMs, signature ? JSON.stringify(signature) : null]);
  }

  async addDeployment(deployment: Deployment, credential: string | undefined): Promise<void> {
    const { id, versionId, protocol, placement, state, target, upstreamModel, weightsPath, managed } = deployment;
    const sealed = credential === undefined ? null : this.#outlets.credentials.seal(id, credential);
    await this.#sql.query(
      `insert into deployment (id, version_id, protocol, placement, state, target, upstream_model, weights_path, sealed_credential, managed)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
      [id, versionId, protocol, placement, state, target, upstreamModel, weightsPath, sealed, managed],
    );
  }

  async setCredential(deploymentId: string, credential: string): Promise<void> {
    const sealed = this.#outlets.credentials.seal(deploymentId, credential);
    await this.#sql.query('update deployment set sealed_credential = $2 where id = $1', [deploymentId, sealed]);
  }

  async setDeploymentState({ id, state }: Deployment): Promise<void> {
    // What is out of service for good needs its credential no more.
    const text = `update deployment set state = $2, sealed_credential = case when $2 = 'removed' then null else sealed_credential end where id = $1`;
    await this.#sql.query(text, [id, state]);
  }

  async markModelRemoved(modelId: string, atMs: number): Promise<void> {
    await this.#sql.query('update model set removed_at_ms = $2 where id = $1', [modelId, atMs]);
  }

  async putAlias({ organisationId, name, modelId }: Alias): Promise<void> {
    const text = `
      insert into alias (organisation_id, name, model_id) values ($1, $2, $3)
      on conflict (organisation_id, name) do update set model_id = excluded.model_id`;
    await this.#sql.query(text, [organisationId, name, modelId]);
  }

  async deleteAlias(name: string): Promise<void> {
    await this.#sql.query('delete from alias where organisation_id = $1 and name = $2', [this.#organisationId, name]);
  }

  async record(act: AdminAct, change: Change): Promise<void> {
    await appendHistory(this.#sql, this.#organisationId, act.atMs, change);
    await publishAct(this.#outlets, this.#sql, act, { schema: RegistryChangedSchema, message: changedMessage(this.#organisationId, change) });
  }
}
