import type { Sql, SqlTransaction } from '@sluice/sql';
import type { BudgetBook } from '../domain/budget-book.ts';
import type { Epoch } from '../domain/hold.ts';
import { recordedHold, type OpenCall } from '../domain/call.ts';
import { previousMonthStart } from '../domain/period.ts';
import type { PriceList } from '../domain/price-list.ts';
import { readOpen } from './holds-sql.ts';
import { budgetOf, priceOf, type BudgetRow, type PriceRow } from './rows.ts';

/** What is in memory: filled from the tables, and following them from there on. */
export interface Memory {
  readonly book: BudgetBook;
  readonly prices: PriceList;
  readonly open: Map<string, OpenCall>;
}

/** Builds what is in memory anew from the tables, as they are at one moment. */
export async function loadBook(sql: Sql, { book, prices, open }: Memory, today: number): Promise<void> {
  book.clear();
  prices.clear();
  open.clear();
  await sql.transaction(async (transaction) => {
    await transaction.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
    // Whoever wrote before has ended when this is given: what it wrote is in the picture, which is taken behind it.
    await transaction.query('LOCK TABLE item, open_hold, closed_epoch, budget, price, currency IN SHARE MODE');
    await loadSpending(transaction, book, today);
    for (const epoch of await transaction.query<Epoch>('SELECT producer, epoch FROM closed_epoch')) book.closeEpoch(epoch);
    for (const call of await readOpen(transaction)) {
      open.set(call.callId, call);
      book.adopt(recordedHold(call));
    }
    await loadPrices(transaction, prices);
  });
}

async function loadSpending(transaction: SqlTransaction, book: BudgetBook, today: number): Promise<void> {
  // A clock that is ahead must not hide the days that there are.
  const [newest] = await transaction.query<{ day: bigint | null }>('SELECT max(day) AS day FROM spend_day');
  const fromDay = previousMonthStart(Math.min(today, Number(newest?.day ?? today)));
  const days = await transaction.query<{ level: string; subject_id: string; day: bigint; spent_nano: bigint }>('SELECT level, subject_id, day, spent_nano FROM spend_day WHERE day >= $1', [fromDay]);
  for (const { level, subject_id, day, spent_nano } of days) book.account({ level, id: subject_id }).change(Number(day), { spentNano: spent_nano, settlingNano: 0n, heldNano: 0n });
  // Days before those count for budgets without a period alone, and for those that may be without one again.
  const budgets = await transaction.query<BudgetRow & { readonly earlier_nano: bigint }>(
    `SELECT budget.*, CASE WHEN is_counting OR period = 'none' THEN (
       SELECT coalesce(sum(spent_nano), 0) FROM spend_day WHERE (level, subject_id) = (budget.level, budget.subject_id) AND day >= budget.since_day AND day < $1) ELSE 0 END AS earlier_nano
     FROM budget`,
    [fromDay],
  );
  for (const row of budgets) book.account({ level: row.level, id: row.subject_id }).setCap(budgetOf(row), row.earlier_nano);
}

async function loadPrices(transaction: SqlTransaction, prices: PriceList): Promise<void> {
  const rows = await transaction.query<PriceRow>('SELECT DISTINCT ON (organisation_id, model) * FROM price ORDER BY organisation_id, model, valid_from_ms DESC');
  for (const row of rows) prices.put(row.organisation_id, priceOf(row));
  const currencies = await transaction.query<{ organisation_id: string; currency: string }>('SELECT organisation_id, currency FROM currency');
  for (const { organisation_id, currency } of currencies) prices.putCurrency(organisation_id, currency);
}
