import type { Sql, SqlTransaction } from '@sluice/sql';
import { allowedNano, type Budget } from '../domain/budget.ts';
import type { BudgetBook } from '../domain/budget-book.ts';
import { periodAround } from '../domain/period.ts';
import { readBudgets, readOutside } from './reads-sql.ts';

export interface Fault {
  readonly law: string;
  readonly detail: string;
}

export interface LedgerReport {
  readonly faults: readonly Fault[];
  readonly transactions: bigint;
  readonly entries: bigint;
  readonly calls: bigint;
  /** What counted against budgets, or would have. */
  readonly billedNano: bigint;
  readonly overrunNano: bigint;
}

/** Faults of one law that are listed: one is as bad as a thousand. */
const MAX_FAULTS_PER_LAW = 20;

/** What each transaction of an organisation ($1) itemises. */
const BILLED = `billed AS (
  SELECT t.id, t.day, t.project_id, t.key_id, t.model, count(i.call_id) AS calls, coalesce(sum(i.input_tokens), 0) AS input_tokens,
    coalesce(sum(i.cached_input_tokens), 0) AS cached_input_tokens, coalesce(sum(i.output_tokens), 0) AS output_tokens, coalesce(sum(i.reasoning_tokens), 0) AS reasoning_tokens,
    coalesce(sum(i.cost_nano), 0) AS cost_nano, coalesce(sum(i.overrun_nano), 0) AS overrun_nano, coalesce(sum(i.unheld_nano), 0) AS unheld_nano
  FROM ledger_transaction t LEFT JOIN item i ON i.transaction_id = t.id WHERE t.organisation_id = $1 GROUP BY t.id)`;
const USED = ['calls', 'input_tokens', 'cached_input_tokens', 'output_tokens', 'reasoning_tokens', 'cost_nano', 'overrun_nano'];

/** Each selects the `detail` of what breaks the law; none may select anything. */
const LAWS: Readonly<Record<string, string>> = {
  unbalanced_transaction: `SELECT 'transaction ' || transaction_id AS detail FROM entry WHERE organisation_id = $1 GROUP BY transaction_id, currency HAVING sum(amount_nano) <> 0`,
  unbalanced_currency: `SELECT 'currency ' || currency AS detail FROM entry WHERE organisation_id = $1 GROUP BY currency HAVING sum(amount_nano) <> 0`,
  itemisation: `WITH ${BILLED}, legs AS (
      SELECT transaction_id, sum(amount_nano) FILTER (WHERE kind = 'usage') AS usage, sum(amount_nano) FILTER (WHERE kind = 'overrun') AS overrun, sum(amount_nano) FILTER (WHERE kind = 'revenue') AS revenue
      FROM entry WHERE organisation_id = $1 GROUP BY transaction_id)
    SELECT 'transaction ' || id AS detail FROM billed LEFT JOIN legs ON transaction_id = id
    WHERE calls = 0 OR coalesce(usage, 0) <> cost_nano - overrun_nano OR coalesce(overrun, 0) <> overrun_nano OR coalesce(revenue, 0) <> -cost_nano`,
  projection: `WITH ${BILLED}, used AS (SELECT day, project_id, key_id, model, ${USED.map((name) => `sum(${name}) AS ${name}`).join(', ')} FROM billed GROUP BY 1, 2, 3, 4),
      spent AS (SELECT level, subject_id, day, sum(cost_nano - overrun_nano) AS spent_nano, sum(overrun_nano) AS overrun_nano, sum(unheld_nano) AS unheld_nano
        FROM billed CROSS JOIN LATERAL (VALUES ('organisation', $1::text), ('project', project_id), ('key', key_id)) AS counted (level, subject_id) GROUP BY 1, 2, 3)
    SELECT 'usage of key ' || key_id || ' and model ' || model || ' on day ' || day AS detail
      FROM used FULL JOIN (SELECT * FROM usage_day WHERE organisation_id = $1) u USING (day, project_id, key_id, model) WHERE (${USED.map((name) => `used.${name}`).join(', ')}) IS DISTINCT FROM (${USED.map((name) => `u.${name}`).join(', ')})
    UNION ALL SELECT 'spending of ' || level || ' ' || subject_id || ' on day ' || day AS detail
      FROM spent FULL JOIN (SELECT * FROM spend_day WHERE organisation_id = $1) s USING (level, subject_id, day)
      WHERE (spent.spent_nano, spent.overrun_nano, spent.unheld_nano) IS DISTINCT FROM (s.spent_nano, s.overrun_nano, s.unheld_nano)`,
  billed_twice: `SELECT 'call ' || call_id || ' is billed and open' AS detail FROM open_hold JOIN item USING (call_id) WHERE organisation_id = $1`,
};

/** Holds the ledger of an organisation to its laws, as it is at one moment, and the book to the tables. */
export async function checkLedger(sql: Sql, book: BudgetBook, organisationId: string, today: number): Promise<LedgerReport> {
  const { faults, ...figures } = await sql.transaction(async (transaction) => {
    await transaction.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    return { faults: await broken(transaction, organisationId), ...(await readFigures(transaction, organisationId)) };
  });
  const budgets = await readBudgets(sql, organisationId);
  // Money in memory first: what is outside of budgets only grows meanwhile, so nobody is accused for what came in between.
  const totals = budgets.map(({ level, subjectId }) => book.account({ level, id: subjectId }).standing(today));
  const outside = await readOutside(sql, budgets, today);
  const exceeded = budgets.filter((budget, at) => totals[at]!.spentNano + totals[at]!.heldNano - outside[at]!.unheldNano > allowed(budget, today));
  return {
    ...figures,
    faults: [
      ...faults,
      ...exceeded.map(({ level, subjectId }) => ({ law: 'budget_exceeded', detail: `${level} ${subjectId}` })),
      ...(await lostHolds(sql, book, organisationId)),
    ].map(({ law, detail }) => ({ law, detail })),
  };
}

function allowed(budget: Budget, today: number): bigint {
  return allowedNano(budget, periodAround(budget.period, today, budget.sinceDay).fromDay);
}

async function broken(transaction: SqlTransaction, organisationId: string): Promise<Fault[]> {
  const faults: Fault[] = [];
  for (const [law, text] of Object.entries(LAWS)) {
    const rows = await transaction.query<{ detail: string }>(`${text} LIMIT ${MAX_FAULTS_PER_LAW}`, [organisationId]);
    faults.push(...rows.map(({ detail }) => ({ law, detail })));
  }
  return faults;
}

async function readFigures(transaction: SqlTransaction, organisationId: string): Promise<Omit<LedgerReport, 'faults'>> {
  const [row] = await transaction.query<Omit<LedgerReport, 'faults' | 'billedNano' | 'overrunNano'> & { billed_nano: bigint; overrun_nano: bigint }>(
    `SELECT (SELECT count(*) FROM ledger_transaction WHERE organisation_id = $1) AS transactions, (SELECT count(*) FROM entry WHERE organisation_id = $1) AS entries,
       (SELECT count(*) FROM item i JOIN ledger_transaction t ON t.id = i.transaction_id WHERE t.organisation_id = $1) AS calls,
       (SELECT coalesce(sum(amount_nano), 0) FROM entry WHERE organisation_id = $1 AND kind = 'usage') AS billed_nano,
       (SELECT coalesce(sum(amount_nano), 0) FROM entry WHERE organisation_id = $1 AND kind = 'overrun') AS overrun_nano`,
    [organisationId],
  );
  const { transactions, entries, calls, billed_nano, overrun_nano } = row!;
  return { transactions, entries, calls, billedNano: billed_nano, overrunNano: overrun_nano };
}

/** Calls that run by the tables and hold nothing in memory, both times that it is looked: one may end in between. */
async function lostHolds(sql: Sql, book: BudgetBook, organisationId: string): Promise<Fault[]> {
  let lost: string[] | undefined;
  for (let look = 0; look < 2 && lost?.length !== 0; look++) {
    const rows = await sql.query<{ call_id: string }>(
      `SELECT replace(call_id::text, '-', '') AS call_id FROM open_hold WHERE organisation_id = $1 AND ($2::uuid[] IS NULL OR call_id = ANY ($2::uuid[]))`,
      [organisationId, lost ? `{${lost.join(',')}}` : null],
    );
    lost = rows.map(({ call_id }) => call_id).filter((callId) => !book.holdOf(callId));
  }
  return (lost ?? []).slice(0, MAX_FAULTS_PER_LAW).map((callId) => ({ law: 'hold_lost', detail: `call ${callId} runs without a hold` }));
}
