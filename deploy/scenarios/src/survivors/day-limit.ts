import { expect } from '@jest/globals';
import { ask } from '../ask.ts';
import { eventually } from '../house.ts';
import { limitKey, makeTenant, sluiceJson } from '../tenant.ts';
import type { Survivor } from './survivor.ts';

/** A key that has used up its day. */
export const dayLimit: Survivor = {
  name: 'gives nobody another day: requests of a day are counted on',
  model: 'killed-day',
  async prepare(house, _upstream, model) {
    const tenant = await makeTenant(house, 'day');
    await limitKey(house, tenant, { model }, 100_000);
    await sluiceJson(house, 'limit', 'set', '--key', tenant.keyId, '--rpd', '10');
    const askOnce = () => ask(house, { model }, { key: tenant.key });
    const statuses: number[] = [];
    await eventually(async () => statuses.push((await askOnce()).status) > 0 && statuses.at(-1) === 429);
    expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(10);
    expect((await askOnce()).headers.get('x-ratelimit-limit-requests')).toBe('10');
    return async () => async () => {
      const { status, headers } = await askOnce();
      expect([status, headers.get('x-ratelimit-limit-requests'), headers.get('x-ratelimit-remaining-requests')]).toEqual([429, '10', '0']);
    };
  },
};
