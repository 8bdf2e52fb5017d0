import { ServiceError } from '@sluice/errors';
import type { SqlQuery } from '@sluice/sql';
import { LEVELS, type Budget, type Outside } from '../domain/budget.ts';
import type { Price } from '../domain/money.ts';
import { periodAround } from '../domain/period.ts';
import { numberArray, textArray } from './array-literal.ts';
import { budgetOf, priceOf, type BudgetRow, type PriceRow } from './rows.ts';

/** Rows of one answer about usage; more are no page for a person, and a program can ask for fewer days. */
const MAX_USAGE_ROWS = 10_000;

/** An organisation's prices: the versions in force, or all, by model, the newest first. */
export async function readPrices(sql: SqlQuery, organisationId: string, history: boolean): Promise<Price[]> {
  const text = `SELECT ${history ? '' : 'DISTINCT ON (model)'} * FROM price WHERE organisation_id = $1 ORDER BY model, valid_from_ms DESC`;
  return (await sql.query<PriceRow>(text, [organisationId])).map(priceOf);
}

/** An organisation's budgets: of itself, its projects, its keys. */
export async function readBudgets(sql: SqlQuery, organisationId: string): Promise<Budget[]> {
  const budgets = (await sql.query<BudgetRow>('SELECT * FROM budget WHERE organisation_id = $1 ORDER BY subject_id', [organisationId])).map(budgetOf);
  return budgets.toSorted((left, right) => LEVELS.indexOf(left.level) - LEVELS.indexOf(right.level));
}

/** What lies outside of budgets, one for each given budget in the period of a day. */
export async function readOutside(sql: SqlQuery, budgets: readonly Budget[], today: number): Promise<Outside[]> {
  if (budgets.length === 0) return [];
  const ranges = budgets.map(({ period, sinceDay }) => periodAround(period, today, sinceDay));
  const rows = await sql.query<{ overrun_nano: bigint; unheld_nano: bigint }>(
    `SELECT coalesce(sum(s.overrun_nano), 0) AS overrun_nano, coalesce(sum(s.unheld_nano), 0) AS unheld_nano
     FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) WITH ORDINALITY AS b (level, subject_id, from_day, to_day, at)
     LEFT JOIN spend_day s ON (s.level, s.subject_id) = (b.level, b.subject_id) AND s.day BETWEEN b.from_day AND b.to_day GROUP BY b.at ORDER BY b.at`,
    [
      textArray(budgets.map(({ level }) => level)), textArray(budgets.map(({ subjectId }) => subjectId)),
      numberArray(ranges.map(({ fromDay }) => fromDay)), numberArray(ranges.map(({ toDay }) => toDay)),
    ],
  );
  return rows.map(({ overrun_nano, unheld_nano }, at) => {
    const { period, baselineOutside } = budgets[at]!;
    if (period !== 'none') return { overrunNano: overrun_nano, unheldNano: unheld_nano };
    return { overrunNano: overrun_nano - baselineOutside.overrunNano, unheldNano: unheld_nano - baselineOutside.unheldNano };
  });
}

export interface UsageAsked {
  readonly organisationId: string;
  readonly sinceDay: number;
  /** Included. */
  readonly untilDay: number;
  readonly groupBy: readonly string[];
  /** Empty: all. */
  readonly projectId: string;
  readonly keyId: string;
  readonly model: string;
}

export interface UsageFigures {
  readonly day?: bigint;
  readonly project_id?: string;
  readonly key_id?: string;
  readonly model?: string;
  readonly calls: bigint;
  readonly input_tokens: bigint;
  readonly cached_input_tokens: bigint;
  readonly output_tokens: bigint;
  readonly reasoning_tokens: bigint;
  readonly cost_nano: bigint;
  readonly overrun_nano: bigint;
}

const GROUPS: Readonly<Record<string, string>> = { day: 'day', project: 'project_id', key: 'key_id', model: 'model' };
const SUMS = ['calls', 'input_tokens', 'cached_input_tokens', 'output_tokens', 'reasoning_tokens', 'cost_nano', 'overrun_nano'];

/** Usage of the given days, a row for each group. Errors: `invalid_value`. */
export async function readUsage(sql: SqlQuery, { organisationId, sinceDay, untilDay, groupBy, projectId, keyId, model }: UsageAsked): Promise<UsageFigures[]> {
  const columns = [...new Set(groupBy)].map((name) => {
    if (!Object.hasOwn(GROUPS, name)) throw new ServiceError('invalid_value', '`group_by` may hold `day`, `project`, `key` and `model`.', { param: 'group_by' });
    return GROUPS[name]!;
  });
  const grouped = columns.length > 0 ? `GROUP BY ${columns.join(', ')} ORDER BY ${columns.join(', ')}` : '';
  const rows = await sql.query<UsageFigures>(
    `SELECT ${[...columns, ...SUMS.map((name) => `coalesce(sum(${name}), 0) AS ${name}`)].join(', ')} FROM usage_day
     WHERE organisation_id = $1 AND day BETWEEN $2 AND $3 AND ($4 = '' OR project_id = $4) AND ($5 = '' OR key_id = $5) AND ($6 = '' OR model = $6)
     ${grouped} LIMIT ${MAX_USAGE_ROWS + 1}`,
    [organisationId, sinceDay, untilDay, projectId, keyId, model],
  );
  if (rows.length > MAX_USAGE_ROWS) throw new ServiceError('invalid_value', `This is more than ${MAX_USAGE_ROWS} rows; ask for fewer days or groups.`, { param: 'since_day' });
  return rows;
}
