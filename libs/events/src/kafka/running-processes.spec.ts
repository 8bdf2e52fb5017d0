import { describe, expect, it } from '@jest/globals';
import { systemClock, systemIds } from '@sluice/clock';
import { OWN_GROUPS } from './rights.ts';
import { isOwnGroup } from './running-processes.ts';

const ids = systemIds(systemClock);

describe('groups of consumers on a cluster', () => {
  it.each([...Object.values(OWN_GROUPS).map((name) => ids.next(name)), 'audit.calls', 'audit.admin.acted'])('are of the platform: %s', (name) => {
    expect(isOwnGroup(name)).toBe(true);
  });

  it.each(['bi.calls', 'audit.calls.copy', 'finance.audit.calls', 'auditors', 'read_calls', 'claim_handling', 'follow_', 'sole_01m82xn7gde15raz2yed1dnhan_2', 'outsider-1'])('are of others: %s', (name) => {
    expect(isOwnGroup(name)).toBe(false);
  });
});
