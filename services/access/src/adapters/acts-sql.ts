import type { RootKey } from '@sluice/envelope';
import { publishAct, type ActOutlet, type AdminAct } from '@sluice/events';
import { AccessChangedSchema } from '@sluice/proto/events/v1/changes';
import type { Sql, SqlTransaction } from '@sluice/sql';
import type { ApiKey } from '../domain/api-key.ts';
import type { Level, Limits, SubjectLimits } from '../domain/limits.ts';
import type { ParameterRule } from '../domain/parameter-rule.ts';
import type { Acts, ActState, Change } from '../domain/ports.ts';
import type { DataKey, Organisation, Project } from '../domain/project.ts';
import { changedMessage } from './changed-message.ts';
import { dataKeyPurpose } from './data-keys-sql.ts';
import { limitsOfSubject, parameterRuleCounts, putLimits, putParameterRule, removeLimits, removeParameterRule } from './limits-sql.ts';
import { keyOf, projectOf, type KeyRow, type ProjectRow } from './rows.ts';

interface Outlets extends ActOutlet {
  readonly rootKey: RootKey;
}

/** Acts as PostgreSQL transactions; each takes the lock that it needs by itself. What they record leaves in the same transaction. */
export function sqlActs(sql: Sql, outlets: Outlets): Acts {
  return { act: (work) => sql.transaction((transaction) => work(new SqlActState(transaction, outlets))) };
}

class SqlActState implements ActState {
  readonly #sql: SqlTransaction;
  readonly #outlets: Outlets;

  constructor(sql: SqlTransaction, outlets: Outlets) {
    this.#sql = sql;
    this.#outlets = outlets;
  }

  async lockOrganisation(organisationId: string): Promise<Organisation | undefined> {
    const rows = await this.#sql.query<Organisation>('select id, name from organisation where id = $1 for update', [organisationId]);
    return rows[0];
  }

  async lockEverything(): Promise<{ readonly empty: boolean }> {
    await this.#sql.query('lock table organisation in exclusive mode');
    const rows = await this.#sql.query('select 1 from organisation limit 1');
    return { empty: rows.length === 0 };
  }

  async project(organisationId: string, projectId: string): Promise<Project | undefined> {
    const text = 'select * from project where organisation_id = $1 and id = $2';
    const rows = await this.#sql.query<ProjectRow>(text, [organisationId, projectId]);
    return rows[0] && projectOf(rows[0]);
  }

  async key(organisationId: string, keyId: string): Promise<ApiKey | undefined> {
    const text = 'select * from api_key where organisation_id = $1 and id = $2';
    const rows = await this.#sql.query<KeyRow>(text, [organisationId, keyId]);
    return rows[0] && keyOf(rows[0]);
  }

  async keyByHash(keyedHash: Uint8Array): Promise<ApiKey | undefined> {
    const rows = await this.#sql.query<KeyRow>('select * from api_key where keyed_hash = $1', [keyedHash]);
    return rows[0] && keyOf(rows[0]);
  }

  async projectCounts(organisationId: string, name: string): Promise<{ readonly all: number; readonly named: number }> {
    const text = 'select count(*) as all, count(*) filter (where name = $2) as named from project where organisation_id = $1';
    const [row] = await this.#sql.query<{ all: bigint; named: bigint }>(text, [organisationId, name]);
    return { all: Number(row!.all), named: Number(row!.named) };
  }

  async keyCounts(organisationId: string, nowMs: number): Promise<{ readonly unrevoked: number; readonly liveOwners: number }> {
    const text = `
      select count(*) as unrevoked,
             count(*) filter (where role = 'owner' and coalesce(expires_at_ms > $2, true)) as live_owners
      from api_key where organisation_id = $1 and revoked_at_ms is null`;
    const [row] = await this.#sql.query<{ unrevoked: bigint; live_owners: bigint }>(text, [organisationId, nowMs]);
    return { unrevoked: Number(row!.unrevoked), liveOwners: Number(row!.live_owners) };
  }

  async addOrganisation({ id, name }: Organisation, createdAtMs: number): Promise<void> {
    await this.#sql.query('insert into organisation (id, name, created_at_ms) values ($1, $2, $3)', [id, name, createdAtMs]);
  }

  async addProject(project: Project, dataKey: DataKey): Promise<void> {
    const { id, organisationId, name, bodyPolicy, createdAtMs } = project;
    await this.#sql.query(
      'insert into project (id, organisation_id, name, body_policy, created_at_ms) values ($1, $2, $3, $4, $5)',
      [id, organisationId, name, bodyPolicy, createdAtMs],
    );
    const sealed = this.#outlets.rootKey.wrap(dataKeyPurpose(id), dataKey.key);
    await this.#sql.query(
      'insert into data_key (id, project_id, sealed, created_at_ms) values ($1, $2, $3, $4)',
      [dataKey.id, id, sealed, createdAtMs],
    );
  }

  async addKey(key: ApiKey): Promise<void> {
    await this.#sql.query(
      `insert into api_key (id, organisation_id, kind, project_id, role, name, prefix, keyed_hash, models, created_at_ms, expires_at_ms)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      [
        key.id, key.organisationId, key.kind, key.projectId ?? null, key.role ?? null, key.name, key.prefix, key.keyedHash,
        key.models, key.createdAtMs, key.expiresAtMs ?? null,
      ],
    );
  }

  async markRevoked(keyId: string, revokedAtMs: number): Promise<void> {
    await this.#sql.query('update api_key set revoked_at_ms = $2 where id = $1', [keyId, revokedAtMs]);
  }

  limits(organisationId: string, level: Level, subjectId: string): Promise<Limits | undefined> {
    return limitsOfSubject(this.#sql, organisationId, level, subjectId);
  }

  putLimits(organisationId: string, limits: SubjectLimits): Promise<void> {
    return putLimits(this.#sql, organisationId, limits);
  }

  removeLimits(organisationId: string, level: Level, subjectId: string): Promise<void> {
    return removeLimits(this.#sql, organisationId, level, subjectId);
  }

  parameterRuleCounts(organisationId: string, same: Omit<ParameterRule, 'id'>): Promise<{ readonly all: number; readonly sameId: string | undefined }> {
    return parameterRuleCounts(this.#sql, organisationId, same);
  }

  putParameterRule(organisationId: string, rule: ParameterRule, createdAtMs: number): Promise<void> {
    return putParameterRule(this.#sql, organisationId, rule, createdAtMs);
  }

  removeParameterRule(organisationId: string, ruleId: string): Promise<ParameterRule | undefined> {
    return removeParameterRule(this.#sql, organisationId, ruleId);
  }

  async record(act: AdminAct, change?: Change): Promise<void> {
    const changed = change && { schema: AccessChangedSchema, message: changedMessage(act.actor.organisationId, change) };
    await publishAct(this.#outlets, this.#sql, act, changed);
  }
}
