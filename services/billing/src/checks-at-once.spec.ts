import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { House, type Running } from './testing/house.ts';

let house: House;
let running: Running;
beforeAll(async () => {
  house = await House.build();
  running = await house.start();
});
afterAll(async () => house[Symbol.asyncDispose]());

it('the ledger is checked for two at once, the next are told to come again, and then it is checked for them', async () => {
  const check = () => running.billing.checkLedger({ organisationId: 'org' });
  const outcomes = await Promise.allSettled(Array.from({ length: 4 }, check));
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
  expect(outcomes[3]).toMatchObject({ reason: { code: 'overloaded', httpStatus: 503, retryAfterSeconds: 10 } });
  await expect(check()).resolves.toMatchObject({ faults: [] });
});
