import { expect } from '@jest/globals';
import { KeyBudget, endless, priceOutput } from '../key-budget.ts';
import { MESSAGES } from '../scripted-model.ts';
import { StreamReader } from '../stream-reader.ts';
import { makeTenant } from '../tenant.ts';
import type { Survivor } from './survivor.ts';

const CLIENTS = 10;

/** Streams that cost money as they go. */
export const money: Survivor = {
  name: 'in the middle of streams that cost money: billed for what is on record, the hold returned, the ledger balanced',
  model: 'killed-money',
  async prepare(house, upstream, model) {
    const tenant = await makeTenant(house, 'money');
    const budget = new KeyBudget(house, tenant);
    await priceOutput(house, model);
    await budget.allow(100_000);
    upstream.always(endless(2));
    return async () => {
      const readers = Array.from({ length: CLIENTS }, () => new StreamReader(house, { model, messages: MESSAGES }, tenant.key));
      await Promise.all(readers.map((reader) => reader.characters(100)));
      return async () => {
        await Promise.all(readers.map(({ ended }) => ended));
        let cost = 0;
        for (const reader of readers) cost += await budget.costOf(reader);
        expect(cost).toBeGreaterThan(0);
        expect(await budget.settled()).toBe(cost);
        await budget.balances();
      };
    };
  },
};
