import type { MessageInitShape } from '@bufbuild/protobuf';
import { type BillingService, type BudgetRefusalSchema, type ExtendRequest, type GrantSchema, type HoldRequest, type HoldSchema, type SettleRequest } from '@sluice/proto/billing/v1/billing';
import type { Implementation } from '@sluice/rpc';

type Hold = MessageInitShape<typeof HoldSchema>;
type Granted = MessageInitShape<typeof GrantSchema> | { readonly refusal: MessageInitShape<typeof BudgetRefusalSchema> };

/** What billing says of calls, as the test scripts it. Everything is free until it does. */
export class ScriptedBilling {
  readonly holds: HoldRequest[] = [];
  readonly extensions: ExtendRequest[] = [];
  readonly settlements: SettleRequest[] = [];
  /** Conversations that were ended by the gateway and not by a failure. */
  ended = 0;
  hold: (asked: HoldRequest) => Granted | Promise<Granted> = ({ outputTokens, model }) => ({ hold: { outputTokens }, price: { model, currency: 'USD' } });
  /** Whether an exact count of the input may let it give more. */
  inputIsTight: (asked: HoldRequest) => boolean = () => false;
  extend: (asked: ExtendRequest) => Hold | Promise<Hold> = ({ outputTokens }) => ({ outputTokens });
  /** Runs when a call has its hold, before anything more is asked for it. */
  held: () => void | Promise<void> = () => undefined;
  settle: (asked: SettleRequest) => void | Promise<void> = () => undefined;

  readonly service: Implementation<typeof BillingService>;

  constructor() {
    this.service = serviceOf(this);
  }
}

function serviceOf(script: ScriptedBilling): Implementation<typeof BillingService> {
  const budget = { organisationId: 'org_1', level: 1, subjectId: 'org_1', amountNano: 5n, period: 'month', currency: 'USD' };
  return {
    async *spend(requests) {
      for await (const { step } of requests) {
        if (step.case === 'hold') {
          script.holds.push(step.value);
          const granted = await script.hold(step.value);
          const inputIsTight = script.inputIsTight(step.value);
          yield 'refusal' in granted ? { step: { case: 'refusal' as const, value: granted.refusal }, inputIsTight } : { step: { case: 'grant' as const, value: granted }, inputIsTight };
          await script.held();
        } else if (step.case === 'extend') {
          script.extensions.push(step.value);
          yield { step: { case: 'extension', value: { hold: await script.extend(step.value) } } };
        } else if (step.case === 'settle') {
          script.settlements.push(step.value);
          await script.settle(step.value);
          yield { step: { case: 'settlement', value: { costNano: 0n } } };
        }
      }
      script.ended++;
    },
    setPrice: async ({ model, inputNano, outputNano }) => ({ price: { id: 'price_1', model, inputNano, outputNano, currency: 'USD' } }),
    listPrices: async () => ({ currency: 'USD', prices: [] }),
    setCurrency: async ({ currency }) => ({ currency }),
    setBudget: async () => ({ budget }),
    removeBudget: async () => ({ budget }),
    listBudgets: async () => ({ budgets: [budget] }),
    getUsage: async () => ({ currency: 'USD', rows: [] }),
    checkLedger: async () => ({ currency: 'USD' }),
    listLedgerItems: async () => ({ items: [] }),
  };
}
