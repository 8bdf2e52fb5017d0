import { currency as currencyAnswer } from '../../platform-api/answers.ts';
import type { PlatformFile } from '../platform-file.ts';
import type { PlatformState } from '../platform-state.ts';
import type { Sources } from '../sources.ts';
import { checkMeaning } from './check-meaning.ts';
import { planFilterRules } from './filter-rules.ts';
import { planAdminKeys } from './keys.ts';
import { modelNames, planModels } from './models.ts';
import { planParameterRules } from './parameter-rules.ts';
import { change, Plan } from './plan.ts';
import { planProjects } from './projects.ts';
import type { Subject } from './subjects.ts';
import { planBudget, planLimits } from './subject-settings.ts';

/** All that is to be changed so that the platform becomes what the file says; its faults, where that cannot be. */
export async function makePlan(file: PlatformFile, state: PlatformState, sources: Sources, { prunes }: { readonly prunes: boolean }): Promise<Plan> {
  const plan = new Plan({ prunes });
  // A plan with faults is never run: it is made to the end so that all of them are told at once.
  for (const { path, message, needs } of checkMeaning(file, state)) plan.fault(path, message, needs);
  const names = modelNames(state, file.models);
  planCurrency(plan, state, file.organisation?.currency);
  await planModels(plan, state, file.models, sources);
  const subjects = planProjects(plan, state, file.projects, new Set(names.keys()));
  planAdminKeys(plan, state, file.admin_keys);
  for (const subject of [...organisationOf(file, state), ...subjects]) {
    planLimits(plan, state, subject);
    planBudget(plan, state, subject);
  }
  planParameterRules(plan, state, file.parameter_rules, names);
  planFilterRules(plan, state, file.filter_rules, sources);
  return plan;
}

function organisationOf({ organisation }: PlatformFile, { organisationId }: PlatformState): Subject[] {
  if (!organisation) return [];
  return [{ level: 'organisation', shown: 'the organisation', ref: { id: organisationId }, path: ['organisation'], limits: organisation.limits, budget: organisation.budget }];
}

function planCurrency(plan: Plan, state: PlatformState, wanted: string | undefined): void {
  if (wanted === undefined || wanted === state.currency) return;
  if (state.prices.length > 0 || state.budgets.length > 0) plan.fault(['organisation', 'currency'], `is ${state.currency} at the platform, which has prices or budgets in it: it is not changed any more`);
  plan.add('currency', {
    sign: '~', what: 'the organisation', details: [change('currency', state.currency, wanted)],
    run: async ({ api, signal }) => api.send('PUT', '/currency', currencyAnswer, { currency: wanted }, signal),
  });
}
