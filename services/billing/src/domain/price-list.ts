import { freePrice, type Price } from './money.ts';

/** Of an organisation that chose none. ISO 4217. */
export const DEFAULT_CURRENCY = 'USD';

/** The prices in force, in memory: of each model the newest version, since a version is valid from the moment it is made. */
export class PriceList {
  readonly #prices = new Map<string, Price>();
  readonly #currencies = new Map<string, string>();

  /** The price that a call is held and billed at. */
  priceOf(organisationId: string, model: string): Price {
    return this.#prices.get(`${organisationId} ${model}`) ?? freePrice(model, this.currencyOf(organisationId));
  }

  currencyOf(organisationId: string): string {
    return this.#currencies.get(organisationId) ?? DEFAULT_CURRENCY;
  }

  /** Forgets everything: what is in the tables is about to be told anew. */
  clear(): void {
    this.#prices.clear();
    this.#currencies.clear();
  }

  put(organisationId: string, price: Price): void {
    const known = this.#prices.get(`${organisationId} ${price.model}`);
    if (!known || known.validFromMs <= price.validFromMs) this.#prices.set(`${organisationId} ${price.model}`, price);
  }

  putCurrency(organisationId: string, currency: string): void {
    this.#currencies.set(organisationId, currency);
  }
}
