import { publishAct, type ActOutlet, type AdminAct } from '@sluice/events';
import type { Sql, SqlTransaction } from '@sluice/sql';
import type { Budget, BudgetLevel, DayRecord } from '../domain/budget.ts';
import type { Price } from '../domain/money.ts';
import type { Acts, BillingState } from '../domain/ports.ts';
import type { AfterCommit, Follow } from './after-commit.ts';
import { budgetOf, priceOf, type BudgetRow, type PriceRow } from './rows.ts';

interface Outlets extends ActOutlet {
  readonly afterCommit: AfterCommit;
}

/** Acts as PostgreSQL transactions, one at a time in an organisation. What follows in memory follows when it is known that they committed. */
export function sqlActs(sql: Sql, outlets: Outlets): Acts {
  return {
    async act(organisationId, work) {
      let seenToCommit: (() => void) | undefined;
      const result = await sql.transaction(async (transaction) => {
        await transaction.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`billing ${organisationId}`]);
        return work(new SqlBillingState(transaction, organisationId, outlets, (seen) => { seenToCommit = seen; }));
      });
      seenToCommit?.();
      await outlets.afterCommit.settled();
      return result;
    },
  };
}

class SqlBillingState implements BillingState {
  readonly #sql: SqlTransaction;
  readonly #organisationId: string;
  readonly #outlets: Outlets;
  readonly #recorded: (seenToCommit: () => void) => void;

  constructor(sql: SqlTransaction, organisationId: string, outlets: Outlets, recorded: (seenToCommit: () => void) => void) {
    this.#recorded = recorded;
    this.#sql = sql;
    this.#organisationId = organisationId;
    this.#outlets = outlets;
  }

  async latestPrice(model: string): Promise<Price | undefined> {
    const text = 'SELECT * FROM price WHERE organisation_id = $1 AND model = $2 ORDER BY valid_from_ms DESC LIMIT 1';
    return (await this.#sql.query<PriceRow>(text, [this.#organisationId, model])).map(priceOf)[0];
  }

  async addPrice({ id, model, currency, inputNano, cachedInputNano, outputNano, reasoningNano, validFromMs }: Price): Promise<void> {
    await this.#sql.query(
      `INSERT INTO price (id, organisation_id, model, currency, input_nano, cached_input_nano, output_nano, reasoning_nano, valid_from_ms)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [id, this.#organisationId, model, currency, inputNano, cachedInputNano, outputNano, reasoningNano, validFromMs],
    );
  }

  async hasMoney(): Promise<boolean> {
    const text = `SELECT FROM price WHERE organisation_id = $1 UNION ALL SELECT FROM budget WHERE organisation_id = $1 UNION ALL SELECT FROM entry WHERE organisation_id = $1 LIMIT 1`;
    return (await this.#sql.query(text, [this.#organisationId])).length > 0;
  }

  async setCurrency(currency: string): Promise<void> {
    await this.#sql.query('INSERT INTO currency (organisation_id, currency) VALUES ($1, $2) ON CONFLICT (organisation_id) DO UPDATE SET currency = excluded.currency', [this.#organisationId, currency]);
  }

  async budget(level: BudgetLevel, subjectId: string): Promise<Budget | undefined> {
    const text = 'SELECT * FROM budget WHERE organisation_id = $1 AND level = $2 AND subject_id = $3';
    return (await this.#sql.query<BudgetRow>(text, [this.#organisationId, level, subjectId])).map(budgetOf)[0];
  }

  async countBudgets(): Promise<number> {
    const [row] = await this.#sql.query<{ budgets: bigint }>('SELECT count(*) AS budgets FROM budget WHERE organisation_id = $1', [this.#organisationId]);
    return Number(row!.budgets);
  }

  async putBudget({ level, subjectId, amountNano, period, sinceDay, baselineNano, floorNano, setDay, isCounting, baselineOutside }: Budget): Promise<void> {
    await this.#sql.query(
      `INSERT INTO budget (organisation_id, level, subject_id, amount_nano, period, since_day, baseline_nano, floor_nano, set_day, baseline_overrun_nano, baseline_unheld_nano, is_counting)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
       ON CONFLICT (level, subject_id) DO UPDATE SET amount_nano = excluded.amount_nano, period = excluded.period, since_day = excluded.since_day,
         baseline_nano = excluded.baseline_nano, floor_nano = excluded.floor_nano, set_day = excluded.set_day,
         baseline_overrun_nano = excluded.baseline_overrun_nano, baseline_unheld_nano = excluded.baseline_unheld_nano, is_counting = excluded.is_counting`,
      [this.#organisationId, level, subjectId, amountNano, period, sinceDay, baselineNano, floorNano, setDay, baselineOutside.overrunNano, baselineOutside.unheldNano, isCounting],
    );
  }

  async deleteBudget({ level, subjectId }: Budget): Promise<void> {
    await this.#sql.query('DELETE FROM budget WHERE organisation_id = $1 AND level = $2 AND subject_id = $3', [this.#organisationId, level, subjectId]);
  }

  async recordOf(level: BudgetLevel, subjectId: string, day: number): Promise<DayRecord> {
    const text = 'SELECT spent_nano, overrun_nano, unheld_nano FROM spend_day WHERE level = $1 AND subject_id = $2 AND day = $3';
    const [row] = await this.#sql.query<{ spent_nano: bigint; overrun_nano: bigint; unheld_nano: bigint }>(text, [level, subjectId, day]);
    return { spentNano: row?.spent_nano ?? 0n, overrunNano: row?.overrun_nano ?? 0n, unheldNano: row?.unheld_nano ?? 0n };
  }

  async record(act: AdminAct, follow: Follow): Promise<void> {
    await publishAct(this.#outlets, this.#sql, act);
    this.#recorded(await this.#outlets.afterCommit.run(this.#sql, follow));
  }
}
