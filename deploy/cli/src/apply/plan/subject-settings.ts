import { budget as budgetAnswer, limits as limitsAnswer } from '../../platform-api/answers.ts';
import { LIMIT_NAMES, type LimitName } from '../platform-file.ts';
import type { PlatformState } from '../platform-state.ts';
import { change, type Doing, type Plan } from './plan.ts';
import { idOf, type Subject } from './subjects.ts';

/** The limits of one organisation, project or key. */
export function planLimits(plan: Plan, state: PlatformState, subject: Subject): void {
  const { level, ref, shown } = subject;
  const now = 'id' in ref ? state.limits.find((row) => row.level === level && row.id === ref.id) : undefined;
  const given = subject.limits ?? {};
  const changed: Partial<Record<LimitName, number>> = {};
  const left: Partial<Record<LimitName, number>> = {};
  const details: string[] = [];
  const gone: string[] = [];
  for (const name of LIMIT_NAMES) {
    const before = now?.[name] ?? 0;
    const wanted = name in given ? (given[name] ?? 0) : undefined;
    if (wanted !== undefined && wanted !== before) {
      changed[name] = wanted;
      details.push(change(name, before || undefined, wanted || 'none'));
    }
    if (wanted === undefined && before !== 0 && plan.prunes) {
      left[name] = 0;
      gone.push(change(name, before, 'none'));
    }
  }
  const put = (limits: object) => async ({ api, signal, made }: Doing): Promise<unknown> =>
    api.send('PUT', '/limits', limitsAnswer, { level, id: idOf(ref, { made }), ...limits }, signal);
  if (details.length > 0) plan.add('limits', { sign: now ? '~' : '+', what: `limits of ${shown}`, details, run: put(changed) });
  if (gone.length > 0) plan.add('remove limits', { sign: '-', what: `limits of ${shown}`, details: gone, run: put(left) });
}

/** The budget of one organisation, project or key. */
export function planBudget(plan: Plan, state: PlatformState, subject: Subject): void {
  const { level, ref, shown, budget: wanted } = subject;
  const now = 'id' in ref ? state.budgets.find((row) => row.level === level && row.id === ref.id) : undefined;
  if (wanted) {
    const amount = BigInt(wanted.amount).toString();
    const details = [...(now?.amount === amount ? [] : [change('amount', now?.amount, amount)]), ...(now?.period === wanted.period ? [] : [change('period', now?.period, wanted.period)])];
    if (details.length === 0) return;
    const body = { level, amount, period: wanted.period };
    return plan.add('budgets', {
      sign: now ? '~' : '+', what: `budget of ${shown}`, details,
      run: async ({ api, signal, made }) => api.send('PUT', '/budgets', budgetAnswer, { ...body, id: idOf(ref, { made }) }, signal),
    });
  }
  if (!now || (wanted === undefined && !plan.prunes)) return;
  const place = new URLSearchParams({ level, id: now.id }).toString();
  plan.add('remove budgets', {
    sign: '-', what: `budget of ${shown}`, details: [change('amount', now.amount, 'none')],
    run: async ({ api, signal }) => api.send('DELETE', `/budgets?${place}`, budgetAnswer, undefined, signal),
  });
}
