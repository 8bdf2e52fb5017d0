import type { Budget } from '@sluice/proto/billing/v1/billing';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { exact, nanoInput } from './amounts.ts';
import { ALL, OWNER, adminRoute, type AdminDoor } from './door.ts';
import { levelInput, levelName } from './levels.ts';
import { list, nameInput, time } from './view.ts';

const place = { level: levelInput, id: nameInput };
const PERIODS = ['day', 'month', 'none'] as const;

/** What an organisation, a project or a key may spend in a period. */
export function budgetsRoutes(server: FastifyInstance, door: AdminDoor): void {
  adminRoute(server, door, 'GET', '/budgets', ALL, async ({ actor, options }) => {
    const { budgets } = await door.billing.listBudgets({ organisationId: actor.organisationId }, options);
    return { json: list(budgets.map(budgetView)) };
  });
  adminRoute(server, door, 'PUT', '/budgets', OWNER, async ({ actor, options, body }) => {
    const { level, id, amount, period } = body({ ...place, amount: nanoInput, period: z.enum(PERIODS, `it must be one of ${PERIODS.join(', ')}`) });
    const { budget } = await door.billing.setBudget({ actor, level, subjectId: id, amountNano: amount, period }, options);
    return { json: budgetView(budget!) };
  });
  adminRoute(server, door, 'DELETE', '/budgets', OWNER, async ({ actor, options, query }) => {
    const { level, id } = query(place);
    const { budget } = await door.billing.removeBudget({ actor, level, subjectId: id }, options);
    return { json: { ...budgetView(budget!), deleted: true } };
  });
}

function budgetView({ level, subjectId, amountNano, spent, held, overrun, period, currency, periodStartMs }: Budget): object {
  return { object: 'budget', level: levelName(level), id: subjectId, amount: exact(amountNano), spent, held, overrun, currency, period, period_start: time(periodStartMs) };
}
