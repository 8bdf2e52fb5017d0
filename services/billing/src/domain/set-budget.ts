import { ServiceError } from '@sluice/errors';
import type { Actor } from '@sluice/events';
import type { Budget, BudgetLevel } from './budget.ts';
import { MAX_BUDGET_NANO } from './money.ts';
import { dayOf, isPeriod, type Period } from './period.ts';
import type { Administration, BillingState, Permissions } from './ports.ts';

/** Every budget is an account in memory and a line in a list. */
export const MAX_BUDGETS = 10_000;

export interface BudgetAsked {
  readonly level: BudgetLevel;
  readonly subjectId: string;
  readonly amountNano: bigint;
  readonly period: string;
}

/**
 * Sets the budget of an organisation, a project or a key, in force as soon as it is durable; while it becomes so, the old one
 * and the new one both hold. What the running calls hold counts. The period `none` counts from when it was first set, also when
 * the period was another one meanwhile. One that is set below what is spent and held takes nothing back, and grants nothing more.
 * Errors: `invalid_value`, `not_found` (naming `subject_id`), `insufficient_permissions`, `failed_precondition`.
 */
export async function setBudget({ acts, permissions, clock, book }: Administration, actor: Actor, asked: BudgetAsked): Promise<Budget> {
  const { level, subjectId, amountNano } = asked;
  const { organisationId } = actor;
  const period = checkPeriod(asked.period);
  if (amountNano < 0n || amountNano > MAX_BUDGET_NANO) {
    throw new ServiceError('invalid_value', `\`amount_nano\` must lie between 0 and ${MAX_BUDGET_NANO}.`, { param: 'amount_nano' });
  }
  await permissions.require(actor, 'billing.change');
  if (!(await isThere(permissions, organisationId, level, subjectId))) throw new ServiceError('not_found', `There is no such ${level}.`, { param: 'subject_id' });
  return acts.act(organisationId, async (state) => {
    const known = await state.budget(level, subjectId);
    if (!known && (await state.countBudgets()) >= MAX_BUDGETS) throw new ServiceError('failed_precondition', `An organisation has at most ${MAX_BUDGETS} budgets.`);
    const today = dayOf(clock.wallMs());
    const { sinceDay, baselineNano, baselineOutside, isCounting } = known?.isCounting ? known : await beginning(state, level, subjectId, period, today);
    const account = book.account({ level, id: subjectId });
    const cap = { amountNano, period, sinceDay, baselineNano };
    // In force beside the old one from before its floor is read: whatever is given out until it is durable, it allows too.
    const lift = account.tighten(cap);
    const follow = (isDurable: boolean): void => {
      if (isDurable) account.setCap(cap);
      lift();
    };
    try {
      const budget: Budget = { organisationId, level, subjectId, ...cap, isCounting, baselineOutside, floorNano: account.totalUnder(cap, today), setDay: today };
      await state.putBudget(budget);
      const detail = { amount_nano: `${amountNano}`, period, ...(known && { previous_amount_nano: `${known.amountNano}`, previous_period: known.period }) };
      await state.record({ actor, action: 'budget.set', object: `${level}:${subjectId}`, atMs: clock.wallMs(), detail }, follow);
      return budget;
    } catch (thrown) {
      lift();
      throw thrown;
    }
  });
}

/** Removes a budget; what is spent stays on record. Errors: `not_found` (naming `subject_id`), `insufficient_permissions`. */
export async function removeBudget({ acts, permissions, clock, book }: Administration, actor: Actor, level: BudgetLevel, subjectId: string): Promise<Budget> {
  await permissions.require(actor, 'billing.change');
  return acts.act(actor.organisationId, async (state) => {
    const known = await state.budget(level, subjectId);
    if (!known) throw new ServiceError('not_found', `There is no budget of this ${level}.`, { param: 'subject_id' });
    await state.deleteBudget(known);
    const detail = { amount_nano: `${known.amountNano}`, period: known.period };
    await state.record({ actor, action: 'budget.removed', object: `${level}:${subjectId}`, atMs: clock.wallMs(), detail }, (isDurable) => isDurable && book.account({ level, id: subjectId }).setCap(undefined));
    return known;
  });
}

/** From when a budget counts that is set now. */
async function beginning(state: BillingState, level: BudgetLevel, subjectId: string, period: Period, today: number): Promise<Pick<Budget, 'sinceDay' | 'baselineNano' | 'baselineOutside' | 'isCounting'>> {
  if (period !== 'none') return { isCounting: false, sinceDay: today, baselineNano: 0n, baselineOutside: { overrunNano: 0n, unheldNano: 0n } };
  const { spentNano, ...baselineOutside } = await state.recordOf(level, subjectId, today);
  return { isCounting: true, sinceDay: today, baselineNano: spentNano, baselineOutside };
}

/** Whether the organisation has such a subject, which a budget would hold for. */
async function isThere(permissions: Permissions, organisationId: string, level: BudgetLevel, subjectId: string): Promise<boolean> {
  if (level === 'organisation') return subjectId === organisationId;
  return level === 'project' ? permissions.hasProject(organisationId, subjectId) : permissions.hasInferenceKey(organisationId, subjectId);
}

function checkPeriod(period: string): Period {
  if (isPeriod(period)) return period;
  throw new ServiceError('invalid_value', '`period` must be `day`, `month` or `none`.', { param: 'period' });
}
