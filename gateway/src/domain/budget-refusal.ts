import { ServiceError } from '@sluice/errors';
import type { BudgetRefusal } from '@sluice/proto/billing/v1/billing';
import { CallRefusal } from './call-refusal.ts';

const LEVELS = ['', 'organisation', 'project', 'API key'];
const PERIODS: Readonly<Record<string, string>> = { day: ' for this day', month: ' for this month' };

/** What is held comes back when calls end, and most of it soon. */
const RETRY_SECONDS = 1;

/** What refuses a call that a budget does not afford: because of what is spent, or of what others hold. */
export function unaffordable(refusal: BudgetRefusal): CallRefusal {
  const budget = `The budget of this ${LEVELS[refusal.level] ?? 'organisation'}${PERIODS[refusal.period] ?? ''} does not cover this request`;
  const error = refusal.fitsWithoutHolds
    ? new ServiceError('insufficient_quota', `${budget} while other requests run: what they may cost is set aside until they end. Try again then; requests that name \`max_tokens\` set less aside.`, { retryAfterSeconds: RETRY_SECONDS })
    : new ServiceError('insufficient_quota', `${budget}.`);
  return new CallRefusal(error, { refusedBy: { case: 'budget', value: refusal } });
}
