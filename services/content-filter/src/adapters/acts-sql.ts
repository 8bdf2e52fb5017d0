import { create } from '@bufbuild/protobuf';
import { publishAct, type ActOutlet, type AdminAct } from '@sluice/events';
import { FilterChangedSchema } from '@sluice/proto/events/v1/changes';
import type { Sql, SqlTransaction } from '@sluice/sql';
import { patternText } from '../domain/add-rule.ts';
import type { Acts, RuleState, Totals } from '../domain/ports.ts';
import type { Rule, RuleHead } from '../domain/rule.ts';
import { HEAD_COLUMNS, headOf, type HeadRow } from './rows.ts';

/** Acts as PostgreSQL transactions, one at a time in an organisation: who counts the version up holds its row. */
export function sqlActs(sql: Sql, outlet: ActOutlet): Acts {
  return {
    act: (organisationId, work) =>
      sql.transaction(async (transaction) => {
        const text = `
          insert into organisation_policy (organisation_id, version) values ($1, 1)
          on conflict (organisation_id) do update set version = organisation_policy.version + 1 returning version`;
        const [row] = await transaction.query<{ version: bigint }>(text, [organisationId]);
        return work(new SqlRuleState(transaction, organisationId, row!.version, outlet));
      }),
  };
}

class SqlRuleState implements RuleState {
  readonly version: bigint;
  readonly #sql: SqlTransaction;
  readonly #organisationId: string;
  readonly #outlet: ActOutlet;

  constructor(sql: SqlTransaction, organisationId: string, version: bigint, outlet: ActOutlet) {
    this.#sql = sql;
    this.#organisationId = organisationId;
    this.version = version;
    this.#outlet = outlet;
  }

  async rule(id: string): Promise<RuleHead | undefined> {
    const text = `select ${HEAD_COLUMNS} from rule where organisation_id = $1 and id = $2 and removed_version is null`;
    return (await this.#sql.query<HeadRow>(text, [this.#organisationId, id])).map(headOf)[0];
  }

  async totals(): Promise<Totals> {
    const text = `
      select count(*) as rules, coalesce(sum(pattern_count), 0)::bigint as patterns,
             coalesce(sum(char_length(replace(patterns, E'\\n', ''))) filter (where kind = 'word'), 0)::bigint as characters,
             coalesce(array_agg(distinct project_id) filter (where project_id is not null), '{}') as projects
      from rule where organisation_id = $1 and removed_version is null`;
    const [row] = await this.#sql.query<{ rules: bigint; patterns: bigint; characters: bigint; projects: string[] }>(text, [this.#organisationId]);
    return { rules: Number(row!.rules), patterns: Number(row!.patterns), characters: Number(row!.characters), projects: row!.projects };
  }

  async expressions(): Promise<readonly string[]> {
    const text = "select patterns from rule where organisation_id = $1 and kind = 'regex' and removed_version is null";
    return (await this.#sql.query<{ patterns: string }>(text, [this.#organisationId])).map(({ patterns }) => patterns);
  }

  async same({ projectId, kind, action, direction }: Rule, digest: Uint8Array): Promise<string | undefined> {
    const text = `
      select id from rule where organisation_id = $1 and removed_version is null
        and project_id is not distinct from $2 and kind = $3 and action = $4 and direction = $5 and digest = $6`;
    const rows = await this.#sql.query<{ id: string }>(text, [this.#organisationId, projectId ?? null, kind, action, direction, digest]);
    return rows[0]?.id;
  }

  async addRule(rule: Rule, digest: Uint8Array): Promise<void> {
    const text = `
      insert into rule (id, organisation_id, project_id, kind, patterns, pattern_count, digest, action, direction, title, created_at_ms, added_version)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`;
    const { id, projectId, kind, patterns, patternCount, action, direction, title, createdAtMs } = rule;
    await this.#sql.query(text, [
      id, this.#organisationId, projectId ?? null, kind, patternText(patterns), patternCount, digest, action, direction, title, createdAtMs, this.version,
    ]);
  }

  async removeRule(id: string, atMs: number): Promise<void> {
    const text = 'update rule set removed_at_ms = $3, removed_version = $4 where organisation_id = $1 and id = $2';
    await this.#sql.query(text, [this.#organisationId, id, atMs, this.version]);
  }

  async record(act: AdminAct): Promise<void> {
    const message = create(FilterChangedSchema, { organisationId: this.#organisationId, policyVersion: this.version });
    await publishAct(this.#outlet, this.#sql, act, { schema: FilterChangedSchema, message });
  }
}
