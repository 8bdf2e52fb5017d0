import { ServiceError } from '@sluice/errors';
import { actorOf } from '@sluice/events';
import type { Budget as BudgetMessage, BillingService } from '@sluice/proto/billing/v1/billing';
import type { Implementation } from '@sluice/rpc';
import type { Sql } from '@sluice/sql';
import { actCounter } from '@sluice/telemetry';
import type { Budget, Outside } from '../domain/budget.ts';
import { told } from '../domain/money.ts';
import { DAY_MS, dayOf, periodAround } from '../domain/period.ts';
import type { Administration } from '../domain/ports.ts';
import { removeBudget, setBudget } from '../domain/set-budget.ts';
import { setCurrency } from '../domain/set-currency.ts';
import { setPrice } from '../domain/set-price.ts';
import { checkLedger } from './check-ledger.ts';
import { listItems } from './list-items.ts';
import { levelName, levelNumber, priceMessage } from './messages.ts';
import { readBudgets, readOutside, readPrices, readUsage, type UsageFigures } from './reads-sql.ts';
import { spend, type SpendDependencies } from './spend.ts';

const countAct = actCounter('billing');
/** A check of a large ledger takes minutes, and a connection that billing needs for its work. */
const CHECKS_AT_ONCE = 2;

/** One function an rpc: contract to domain and back. What tells of budgets needs the book, and so the log taken in. */
export function billingRpc(sql: Sql, administration: Administration, spending: SpendDependencies): Implementation<typeof BillingService> {
  const { book, prices, clock } = administration;
  const { requireBook, requireReady } = spending;
  const today = (): number => dayOf(clock.wallMs());
  let checks = 0;
  const withFigures = (budget: Budget, { overrunNano }: Outside): BudgetInit => {
    const { spentNano, settlingNano, heldNano } = book.account({ level: budget.level, id: budget.subjectId }).standing(today());
    const { organisationId, level, subjectId, amountNano, period, sinceDay } = budget;
    const periodStartMs = period === 'none' ? 0n : BigInt(periodAround(period, today(), sinceDay).fromDay * DAY_MS);
    const sums = { ...exact('spent', spentNano + settlingNano), ...exact('held', heldNano), ...exact('overrun', overrunNano) };
    return { organisationId, level: levelNumber(level), subjectId, amountNano, period, ...sums, currency: prices.currencyOf(organisationId), periodStartMs };
  };
  const shown = async (budgets: readonly Budget[]): Promise<BudgetInit[]> => {
    const outside = await readOutside(sql, budgets, today());
    return budgets.map((budget, at) => withFigures(budget, outside[at]!));
  };
  return {
    spend: spend(spending),
    setPrice: ({ actor, model, inputNano, cachedInputNano, outputNano, reasoningNano }) =>
      countAct('price.set', async () => {
        requireBook();
        return { price: priceMessage(await setPrice(administration, actorOf(actor), { model, inputNano, cachedInputNano, outputNano, reasoningNano })) };
      }),
    async listPrices({ organisationId, history }) {
      requireBook();
      return { currency: prices.currencyOf(organisationId), prices: (await readPrices(sql, organisationId, history)).map(priceMessage) };
    },
    setCurrency: ({ actor, currency }) =>
      countAct('currency.set', async () => {
        requireBook();
        return { currency: await setCurrency(administration, actorOf(actor), currency) };
      }),
    setBudget: ({ actor, level, subjectId, amountNano, period }) =>
      countAct('budget.set', async () => {
        requireReady();
        const budget = await setBudget(administration, actorOf(actor), { level: levelName(level), subjectId, amountNano, period });
        return { budget: (await shown([budget]))[0]! };
      }),
    removeBudget: ({ actor, level, subjectId }) =>
      countAct('budget.remove', async () => {
        requireReady();
        const budget = await removeBudget(administration, actorOf(actor), levelName(level), subjectId);
        return { budget: (await shown([budget]))[0]! };
      }),
    async listBudgets({ organisationId }) {
      requireReady();
      return { budgets: await shown(await readBudgets(sql, organisationId)) };
    },
    async getUsage({ organisationId, sinceDay, untilDay, groupBy, projectId, keyId, model }) {
      requireBook();
      const [since, until] = [Number(sinceDay) || today(), Number(untilDay) || today()];
      // Nothing is no answer to a question that was not meant.
      if (untilDay !== 0n && until < since) throw new ServiceError('invalid_value', 'The last day lies before the first one, which is today where none is given.', { param: 'until_day' });
      const rows = await readUsage(sql, { organisationId, sinceDay: since, untilDay: until, groupBy, projectId, keyId, model });
      return { currency: prices.currencyOf(organisationId), rows: rows.map(usageMessage) };
    },
    async checkLedger({ organisationId }, { signal }) {
      requireReady();
      if (checks >= CHECKS_AT_ONCE) throw new ServiceError('overloaded', 'The ledger is being checked for others already. Try again later.', { retryAfterSeconds: 10 });
      checks++;
      const { faults, billedNano, overrunNano, ...counted } = await checkLedger(sql, book, organisationId, today(), signal).finally(() => checks--);
      const { heldNano } = book.account({ level: 'organisation', id: organisationId });
      const sums = { ...exact('billed', billedNano), ...exact('held', heldNano), ...exact('overrun', overrunNano) };
      return { ...counted, ...sums, faults: [...faults], currency: prices.currencyOf(organisationId) };
    },
    listLedgerItems: listItems(sql),
  };
}

type BudgetInit = Omit<BudgetMessage, '$typeName' | '$unknown'>;

function usageMessage(row: UsageFigures) {
  return {
    day: row.day ?? 0n, projectId: row.project_id ?? '', keyId: row.key_id ?? '', model: row.model ?? '', calls: row.calls, inputTokens: row.input_tokens,
    cachedInputTokens: row.cached_input_tokens, outputTokens: row.output_tokens, reasoningTokens: row.reasoning_tokens, ...exact('cost', row.cost_nano), ...exact('overrun', row.overrun_nano),
  };
}

type Sum<Name extends string> = Readonly<Record<`${Name}Nano`, bigint> & Record<Name, string>>;

/** A sum in both of its fields: as far as 64 bits hold it, and all of it as digits. */
function exact<Name extends string>(name: Name, nano: bigint): Sum<Name> {
  return { [`${name}Nano`]: told(nano), [name]: String(nano) } as Sum<Name>;
}
