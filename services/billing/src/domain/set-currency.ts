import { ServiceError } from '@sluice/errors';
import type { Actor } from '@sluice/events';
import type { Administration } from './ports.ts';

/** ISO 4217, as the runtime knows it. */
const CURRENCIES: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency'));

/** Chooses the currency of an organisation. Errors: `invalid_value`; `failed_precondition` once anything was priced, budgeted or spent. */
export async function setCurrency({ acts, permissions, clock, prices }: Administration, actor: Actor, currency: string): Promise<string> {
  const { organisationId } = actor;
  if (!CURRENCIES.has(currency)) throw new ServiceError('invalid_value', '`currency` must be a code of ISO 4217, such as `EUR`.', { param: 'currency' });
  await permissions.require(actor, 'billing.change');
  return acts.act(organisationId, async (state) => {
    if (prices.currencyOf(organisationId) === currency) return currency;
    if (await state.hasMoney()) throw new ServiceError('failed_precondition', 'The currency stays what it is once there is a price, a budget or a cost.', { param: 'currency' });
    await state.setCurrency(currency);
    const act = { actor, action: 'currency.set', object: `organisation:${organisationId}`, atMs: clock.wallMs(), detail: { currency } };
    await state.record(act, (isDurable) => isDurable && prices.putCurrency(organisationId, currency));
    return currency;
  });
}
