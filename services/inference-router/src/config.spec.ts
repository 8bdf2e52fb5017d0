import { describe, expect, it } from '@jest/globals';
import { readConfig } from '@sluice/config';
import { inferenceRouterConfig } from './config.ts';

describe('SLUICE_WHOLE_ANSWERS_LIMIT_BYTES', () => {
  it.each([
    ['128MiB', 'must be bytes as a whole number without a unit, for example 134217728 (it is "128MiB")'],
    ['33554432.5', 'must be bytes as a whole number without a unit, for example 134217728 (it is "33554432.5")'],
    ['1048576', 'must be at least 33554432, as one answer may have that many bytes and would never fit into less; raise it, or leave it out for 134217728 (it is "1048576")'],
    ['2199023255552', 'must be at most 1099511627776, which is 1 TiB: it is memory of this process; lower it, or leave it out for 134217728 (it is "2199023255552")'],
  ])('of %s is refused with what is wrong and the mend', (given, fault) => {
    expect(() => readConfig(inferenceRouterConfig, { SLUICE_WHOLE_ANSWERS_LIMIT_BYTES: given })).toThrow(`SLUICE_WHOLE_ANSWERS_LIMIT_BYTES: ${fault}`);
  });
});
