import { ServiceError } from '@sluice/errors';
import type { BudgetRefusal } from '@sluice/proto/billing/v1/billing';
import { CallRefusal } from './call-refusal.ts';

const LEVELS = ['', 'organisation', 'project', 'API key'];
const PERIODS: Readonly<Record<string, string>> = { day: ' for this day', month: ' for this month' };

/** What refuses a call that a budget does not afford. */
export function unaffordable(refusal: BudgetRefusal): CallRefusal {
  const error = new ServiceError('insufficient_quota', `The budget of this ${LEVELS[refusal.level] ?? 'organisation'}${PERIODS[refusal.period] ?? ''} does not cover this request.`);
  return new CallRefusal(error, { refusedBy: { case: 'budget', value: refusal } });
}
