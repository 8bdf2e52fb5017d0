import { describe, expect, it } from '@jest/globals';
import { mayAct, type Action, type Role } from './role.ts';

/** The whole table, written out by hand: a right that appears or goes must be meant. */
const RIGHTS: readonly [Action, ...Role[]][] = [
  ['project.create', 'owner'],
  ['admin_key.create', 'owner'],
  ['admin_key.revoke', 'owner'],
  ['inference_key.create', 'owner', 'member'],
  ['inference_key.revoke', 'owner', 'member'],
  ['limits.set', 'owner'],
  ['key_limits.set', 'owner', 'member'],
  ['parameter_rule.change', 'owner'],
  ['model.change', 'owner', 'member'],
  ['filter.change', 'owner'],
  ['billing.change', 'owner'],
];

describe('mayAct', () => {
  it.each(RIGHTS)('allows %s to %s and nobody else', (action, ...allowed) => {
    const roles: Role[] = ['owner', 'member', 'auditor'];
    expect(roles.filter((role) => mayAct(role, action))).toEqual(allowed);
  });
});
