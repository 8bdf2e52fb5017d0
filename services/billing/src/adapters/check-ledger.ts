import type { Sql, SqlTransaction } from '@sluice/sql';
import { allowedNano, type Budget } from '../domain/budget.ts';
import type { BudgetBook } from '../domain/budget-book.ts';
import { dateOf, periodAround } from '../domain/period.ts';
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
/** Calls that are looked at in one statement, as far as whole days go: it takes a few seconds of the thirty that it has. */
const CALLS_AT_ONCE = 5_000_000n;

/** What each transaction of an organisation ($1) itemises on some days ($2 to $3). */
const BILLED = `billed AS (
  SELECT t.id, t.day, t.project_id, t.key_id, t.model, count(i.call_id) AS calls, coalesce(sum(i.input_tokens), 0) AS input_tokens,
    coalesce(sum(i.cached_input_tokens), 0) AS cached_input_tokens, coalesce(sum(i.output_tokens), 0) AS output_tokens, coalesce(sum(i.reasoning_tokens), 0) AS reasoning_tokens,
    coalesce(sum(i.cost_nano), 0) AS cost_nano, coalesce(sum(i.overrun_nano), 0) AS overrun_nano, coalesce(sum(i.unheld_nano), 0) AS unheld_nano
  FROM ledger_transaction t LEFT JOIN item i ON i.transaction_id = t.id WHERE t.organisation_id = $1 AND t.day BETWEEN $2 AND $3 GROUP BY t.id)`;
/** Its entries. */
const ENTERED = 'ledger_transaction t JOIN entry e ON e.transaction_id = t.id WHERE t.organisation_id = $1 AND t.day BETWEEN $2 AND $3';
const USED = ['calls', 'input_tokens', 'cached_input_tokens', 'output_tokens', 'reasoning_tokens', 'cost_nano', 'overrun_nano'];

/** Each selects the `detail` of what breaks the law on these days, and perhaps its `day`; none may select anything. */
const LAWS: Readonly<Record<string, string>> = {
  unbalanced_transaction: `SELECT 'transaction ' || t.id AS detail FROM ${ENTERED} GROUP BY t.id HAVING sum(e.amount_nano) <> 0`,
  itemisation: `WITH ${BILLED}, legs AS (
      SELECT t.id AS transaction_id, sum(e.amount_nano) FILTER (WHERE kind = 'usage') AS usage, sum(e.amount_nano) FILTER (WHERE kind = 'overrun') AS overrun, sum(e.amount_nano) FILTER (WHERE kind = 'revenue') AS revenue
      FROM ${ENTERED} AND e.organisation_id = $1 GROUP BY t.id)
    SELECT 'transaction ' || id AS detail FROM billed LEFT JOIN legs ON transaction_id = id
    WHERE calls = 0 OR coalesce(usage, 0) <> cost_nano - overrun_nano OR coalesce(overrun, 0) <> overrun_nano OR coalesce(revenue, 0) <> -cost_nano`,
  projection: `WITH ${BILLED}, used AS (SELECT day, project_id, key_id, model, ${USED.map((name) => `sum(${name}) AS ${name}`).join(', ')} FROM billed GROUP BY 1, 2, 3, 4),
      spent AS (SELECT level, subject_id, day, sum(cost_nano - overrun_nano) AS spent_nano, sum(overrun_nano) AS overrun_nano, sum(unheld_nano) AS unheld_nano
        FROM billed CROSS JOIN LATERAL (VALUES ('organisation', $1::text), ('project', project_id), ('key', key_id)) AS counted (level, subject_id) GROUP BY 1, 2, 3)
    SELECT 'usage of key ' || key_id || ' and model ' || model AS detail, day
      FROM used FULL JOIN (SELECT * FROM usage_day WHERE organisation_id = $1 AND day BETWEEN $2 AND $3) u USING (day, project_id, key_id, model) WHERE (${USED.map((name) => `used.${name}`).join(', ')}) IS DISTINCT FROM (${USED.map((name) => `u.${name}`).join(', ')})
    UNION ALL SELECT 'spending of ' || level || ' ' || subject_id AS detail, day
      FROM spent FULL JOIN (SELECT * FROM spend_day WHERE organisation_id = $1 AND day BETWEEN $2 AND $3) s USING (level, subject_id, day)
      WHERE (spent.spent_nano, spent.overrun_nano, spent.unheld_nano) IS DISTINCT FROM (s.spent_nano, s.overrun_nano, s.unheld_nano)`,
};
const BILLED_TWICE = `SELECT 'call ' || call_id || ' is billed and open' AS detail FROM open_hold JOIN item USING (call_id) WHERE organisation_id = $1`;

const COUNTED = `SELECT (SELECT count(*) FROM ledger_transaction WHERE organisation_id = $1 AND day BETWEEN $2 AND $3) AS transactions,
  (SELECT count(*) FROM ledger_transaction t JOIN item i ON i.transaction_id = t.id WHERE t.organisation_id = $1 AND t.day BETWEEN $2 AND $3) AS calls`;
const ENTRIES = `SELECT currency, count(*) AS entries, sum(amount_nano) AS rest, coalesce(sum(amount_nano) FILTER (WHERE kind = 'usage'), 0) AS billed_nano,
  coalesce(sum(amount_nano) FILTER (WHERE kind = 'overrun'), 0) AS overrun_nano FROM ${ENTERED} GROUP BY currency`;

/**
 * Holds the ledger of an organisation to its laws, as it is at one moment, and the book to the tables. A large one is gone
 * through by days; when the signal aborts it ends with the next of them.
 *
 * @param callsAtOnce how many calls of whole days are looked at together
 */
export async function checkLedger(sql: Sql, book: BudgetBook, organisationId: string, today: number, signal?: AbortSignal, callsAtOnce = CALLS_AT_ONCE): Promise<LedgerReport> {
  const { faults, ...figures } = await sql.transaction(async (transaction) => {
    await transaction.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    const check = new TablesCheck(transaction, organisationId);
    const pieces = await piecesOf(transaction, organisationId, callsAtOnce);
    // The items of a transaction lie together, which the planner does not know: it would read all items for each piece.
    if (pieces.length > 1) await transaction.query('SET LOCAL enable_seqscan = off; SET LOCAL enable_mergejoin = off; SET LOCAL random_page_cost = 1');
    for (const days of pieces) {
      signal?.throwIfAborted();
      await check.days(days);
    }
    return check.report();
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

/** First and last. */
type Days = readonly [from: bigint, to: bigint];

/** All days there can be, cut where enough calls were. What is wrong with the counts by which it is cut is found all the same. */
async function piecesOf(transaction: SqlTransaction, organisationId: string, callsAtOnce: bigint): Promise<Days[]> {
  const used = await transaction.query<{ day: bigint; calls: bigint }>('SELECT day, sum(calls) AS calls FROM usage_day WHERE organisation_id = $1 GROUP BY day ORDER BY day', [organisationId]);
  const pieces: Days[] = [];
  let from = -(2n ** 63n);
  let together = 0n;
  for (const { day, calls } of used) {
    together += calls;
    if (together < callsAtOnce) continue;
    pieces.push([from, day]);
    from = day + 1n;
    together = 0n;
  }
  return [...pieces, [from, 2n ** 63n - 1n]];
}

/** The laws of the tables, held to some days after others. */
class TablesCheck {
  readonly #transaction: SqlTransaction;
  readonly #organisationId: string;
  /** By law, in the order in which they are told. */
  readonly #found = new Map<string, string[]>(['unbalanced_transaction', 'unbalanced_currency', 'itemisation', 'projection', 'billed_twice'].map((law) => [law, []]));
  /** What is left of each currency, which is nothing. */
  readonly #rests = new Map<string, bigint>();
  #transactions = 0n;
  #entries = 0n;
  #calls = 0n;
  #billedNano = 0n;
  #overrunNano = 0n;

  constructor(transaction: SqlTransaction, organisationId: string) {
    this.#transaction = transaction;
    this.#organisationId = organisationId;
  }

  async days(days: Days): Promise<void> {
    const asked = [this.#organisationId, ...days];
    for (const [law, text] of Object.entries(LAWS)) await this.#look(law, text, asked);
    const [counted] = await this.#transaction.query<{ transactions: bigint; calls: bigint }>(COUNTED, asked);
    this.#transactions += counted!.transactions;
    this.#calls += counted!.calls;
    for (const entries of await this.#transaction.query<{ currency: string; entries: bigint; rest: bigint; billed_nano: bigint; overrun_nano: bigint }>(ENTRIES, asked)) {
      this.#entries += entries.entries;
      this.#billedNano += entries.billed_nano;
      this.#overrunNano += entries.overrun_nano;
      this.#rests.set(entries.currency, (this.#rests.get(entries.currency) ?? 0n) + entries.rest);
    }
  }

  async report(): Promise<LedgerReport> {
    await this.#look('billed_twice', BILLED_TWICE, [this.#organisationId]);
    for (const [currency, rest] of this.#rests) if (rest !== 0n) this.#found.get('unbalanced_currency')!.push(`currency ${currency}`);
    const faults = [...this.#found].flatMap(([law, details]) => details.map((detail) => ({ law, detail })));
    return { faults, transactions: this.#transactions, entries: this.#entries, calls: this.#calls, billedNano: this.#billedNano, overrunNano: this.#overrunNano };
  }

  async #look(law: string, text: string, values: readonly unknown[]): Promise<void> {
    const details = this.#found.get(law)!;
    const room = MAX_FAULTS_PER_LAW - details.length;
    if (room > 0) details.push(...(await this.#transaction.query<{ detail: string; day?: bigint }>(`${text} LIMIT ${room}`, values)).map(({ detail, day }) => (day === undefined ? detail : `${detail} on ${dateOf(Number(day))}`)));
  }
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
