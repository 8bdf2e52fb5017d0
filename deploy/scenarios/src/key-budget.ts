import { expect } from '@jest/globals';
import { streamedChat, type Script } from '@sluice/testkit';
import { endedCall } from './audited-call.ts';
import { eventually, type House } from './house.ts';
import type { StreamReader } from './stream-reader.ts';
import { sluiceJson, type Tenant } from './tenant.ts';

/** What a token of output costs, in nano-USD; one of input costs nothing. */
export const OUTPUT_NANO = 1000;
const WORDS = Array.from({ length: 20_000 }, () => ' wrd');

interface BudgetView {
  readonly level: string;
  readonly id: string;
  readonly amount: string;
  readonly spent: string;
  readonly held: string;
}

/** An answer of a token a piece that goes on until it is stopped. */
export const endless = (gapMs = 1): Script => streamedChat({ pieces: WORDS, gapMs });

export async function priceOutput(house: House, model: string): Promise<void> {
  await sluiceJson(house, 'price', 'set', model, '--input', '0', '--output', String(OUTPUT_NANO));
}

/** What the key of a tenant may spend in a day, and has spent. */
export class KeyBudget {
  readonly #house: House;
  readonly #tenant: Tenant;

  constructor(house: House, tenant: Tenant) {
    this.#house = house;
    this.#tenant = tenant;
  }

  async allow(tokens: number): Promise<void> {
    await sluiceJson(this.#house, 'budget', 'set', '--key', this.#tenant.keyId, '--amount', String(tokens * OUTPUT_NANO), '--period', 'day');
  }

  /** Waits until everything that was held is returned; gives what was spent. */
  async settled(): Promise<number> {
    const { spent } = await eventually(async () => {
      const budgets = await sluiceJson<BudgetView[]>(this.#house, 'budget', 'show');
      const mine = budgets.find(({ id }) => id === this.#tenant.keyId);
      return mine?.held === '0' && mine;
    });
    return Number(spent);
  }

  /** By the record of the call. */
  async costOf(reader: StreamReader): Promise<number> {
    return ((await endedCall(this.#house, reader.id!)).usage?.output_tokens ?? 0) * OUTPUT_NANO;
  }

  /** The whole ledger. */
  async balances(): Promise<void> {
    const { code, stdout } = await this.#house.command('ledger', 'check', '--json');
    expect({ code, faults: (JSON.parse(stdout) as { faults: unknown[] }).faults }).toEqual({ code: 0, faults: [] });
  }
}
