import type { Budget, BudgetLevel } from '../domain/budget.ts';
import type { Price } from '../domain/money.ts';
import type { Period } from '../domain/period.ts';

export interface PriceRow {
  readonly id: string;
  readonly organisation_id: string;
  readonly model: string;
  readonly currency: string;
  readonly input_nano: bigint;
  readonly cached_input_nano: bigint;
  readonly output_nano: bigint;
  readonly reasoning_nano: bigint;
  readonly valid_from_ms: bigint;
}

export interface BudgetRow {
  readonly organisation_id: string;
  readonly level: BudgetLevel;
  readonly subject_id: string;
  readonly amount_nano: bigint;
  readonly period: Period;
  readonly since_day: bigint;
  readonly baseline_nano: bigint;
  readonly floor_nano: bigint;
  readonly set_day: bigint;
  readonly is_counting: boolean;
  readonly baseline_overrun_nano: bigint;
  readonly baseline_unheld_nano: bigint;
}

export function priceOf(row: PriceRow): Price {
  return {
    id: row.id, model: row.model, currency: row.currency, validFromMs: Number(row.valid_from_ms),
    inputNano: row.input_nano, cachedInputNano: row.cached_input_nano, outputNano: row.output_nano, reasoningNano: row.reasoning_nano,
  };
}

export function budgetOf(row: BudgetRow): Budget {
  return {
    organisationId: row.organisation_id, level: row.level, subjectId: row.subject_id, amountNano: row.amount_nano, period: row.period,
    sinceDay: Number(row.since_day), baselineNano: row.baseline_nano, floorNano: row.floor_nano, setDay: Number(row.set_day), isCounting: row.is_counting || row.period === 'none',
    baselineOutside: { overrunNano: row.baseline_overrun_nano, unheldNano: row.baseline_unheld_nano },
  };
}
