import { expect, it } from '@jest/globals';
import { BackOff } from './back-off.ts';

it('rests longer and longer for a process that dies in a row, up to a bound, and begins anew for one that ran well', () => {
  const backOff = new BackOff();
  expect([0, 9_999, 0, 0, 0, 0, 0, 0].map((ranMs) => backOff.restMs(ranMs))).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
  expect([10_000, 0].map((ranMs) => backOff.restMs(ranMs))).toEqual([100, 200]);
});
