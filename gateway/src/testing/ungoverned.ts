import type { Hold, Price } from '@sluice/proto/billing/v1/billing';
import type { FilteredOutput, InputVerdict } from '@sluice/proto/content_filter/v1/content_filter';
import type { Governed } from '../domain/call-records.ts';
import type { House } from '../domain/request-flow.ts';

/** Of a model without a price, under no budget. */
export const FREE_PRICE: Price = { $typeName: 'billing.v1.Price', id: '', model: 'org/small', currency: 'USD', inputNano: 0n, cachedInputNano: 0n, outputNano: 0n, reasoningNano: 0n, validFromMs: 0n };
export const FREE_HOLD: Hold = { $typeName: 'billing.v1.Hold', amountNano: 0n, limited: false, outputTokens: 256n };

/** A call that no budget and no rule has anything to do with. */
export const UNGOVERNED: Governed = { modelName: 'org/small', money: { hold: FREE_HOLD, price: FREE_PRICE, askedTokens: 7n }, inputVerdict: undefined, output: undefined };

const NOTHING_FOUND: InputVerdict = { $typeName: 'content_filter.v1.InputVerdict', action: 0, policyVersion: 0n, ruleId: '', ruleTitle: '', hits: [], hitCount: 0, filtersOutput: false, ignoresInput: true };
const ALL_FREE = ({ events }: Pick<FilteredOutput, 'events'>): FilteredOutput => ({ $typeName: 'content_filter.v1.FilteredOutput', events, hits: [], hitCount: 0, stop: false });

/** A house without limits, budgets and rules. */
export const UNLIMITED: Pick<House, 'parameters' | 'limits' | 'filter' | 'billing'> = {
  parameters: { apply: (_principal, call) => call },
  limits: { admit: () => ({ state: undefined, used: () => undefined, end: () => undefined }) },
  filter: { begin: () => ({ input: async () => NOTHING_FOUND, output: async (events) => ALL_FREE({ events: [...events] }), end: () => undefined }) },
  billing: { begin: () => ({ hold: async () => ({ inputIsTight: false, hold: FREE_HOLD, price: FREE_PRICE, affordableOutputTokens: 0 }), extend: async () => FREE_HOLD, settle: async () => undefined, onBroken: () => undefined, end: () => undefined }) },
};
