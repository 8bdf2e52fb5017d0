import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PRICE } from '../testing/holds.ts';
import { bill, type BilledCall } from './call.ts';
import { post } from './ledger.ts';

let made = 0;
const ids = { callId: () => `${made++}`.padStart(32, '0') };
const tokens = fc.bigInt({ min: 0n, max: 500n });
const calls = fc.array(
  fc.record({
    organisation: fc.nat(1), project: fc.nat(1), key: fc.nat(2), model: fc.constantFrom('small', 'a b'), day: fc.integer({ min: 100, max: 101 }), limited: fc.boolean(), free: fc.boolean(),
    inputTokens: tokens, outputTokens: tokens, cachedInputTokens: tokens, reasoningTokens: tokens,
  }),
  { maxLength: 60 },
).map((list) => list.map(({ organisation, project, key, model, day, limited, free, ...counts }, at): BilledCall =>
  bill({
    callId: `${at}`.padStart(32, '0'), organisationId: `org_${organisation}`, projectId: `project_${organisation}_${project}`, keyId: `key_${organisation}_${project}_${key}`, model, day, limited, counts,
    price: free ? { ...PRICE, id: '', inputNano: 0n, cachedInputNano: 0n, outputNano: 0n, reasoningNano: 0n } : PRICE, amountNano: 900n, outputTokens: 10n, producer: 'gateway', epoch: 1n,
  })));
const sum = (values: readonly bigint[]): bigint => values.reduce((total, value) => total + value, 0n);

describe('a posting', () => {
  it('balances in every transaction, has every call once, and its projections add up to its items', () => {
    fc.assert(fc.property(calls, (given) => {
      const { transactions, entries, items, spendDays, usageDays } = post(given, ids);
      expect(items.map(({ call }) => call.callId)).toEqual(given.map(({ callId }) => callId));
      for (const { id, ...common } of transactions) {
        const own = items.filter(({ transactionId }) => transactionId === id).map(({ call }) => call);
        for (const call of own) expect({ organisationId: call.organisationId, projectId: call.projectId, keyId: call.keyId, model: call.model, priceId: call.price.id, day: call.day }).toEqual(common);
        const legs = entries.filter(({ transactionId }) => transactionId === id);
        expect(sum(legs.map(({ amountNano }) => amountNano))).toBe(0n);
        expect(sum(legs.filter(({ kind }) => kind === 'revenue').map(({ amountNano }) => -amountNano))).toBe(sum(own.map(({ costNano }) => costNano)));
        expect(sum(legs.filter(({ kind }) => kind === 'overrun').map(({ amountNano }) => amountNano))).toBe(sum(own.map(({ overrunNano }) => overrunNano)));
        expect(legs.every(({ amountNano }) => amountNano !== 0n)).toBe(true);
      }
      const cost = sum(given.map(({ costNano }) => costNano));
      const overrun = sum(given.map(({ overrunNano }) => overrunNano));
      expect([sum(usageDays.map(({ costNano }) => costNano)), usageDays.reduce((total, { calls: count }) => total + count, 0)]).toEqual([cost, given.length]);
      expect(sum(usageDays.map(({ reasoningTokens }) => reasoningTokens))).toBe(sum(given.map(({ counts }) => counts.reasoningTokens)));
      for (const level of ['organisation', 'project', 'key']) {
        const days = spendDays.filter((day) => day.level === level);
        expect([sum(days.map(({ spentNano }) => spentNano)), sum(days.map(({ overrunNano }) => overrunNano))]).toEqual([cost - overrun, overrun]);
        expect(new Set(days.map(({ subjectId, day }) => `${subjectId} ${day}`)).size).toBe(days.length);
      }
    }));
  });

  it('is one transaction for all calls that have key, model, price and day in common', () => {
    const call = (callId: string, more: Partial<BilledCall> = {}): BilledCall =>
      bill({ callId, organisationId: 'org', projectId: 'project', keyId: 'key', model: 'small', day: 100, limited: false, counts: { inputTokens: 1n, outputTokens: 0n, cachedInputTokens: 0n, reasoningTokens: 0n }, price: PRICE, amountNano: 0n, outputTokens: 0n, producer: 'gateway', epoch: 1n, ...more }) as BilledCall;
    const many = Array.from({ length: 100 }, (_, at) => call(`${at}`));
    expect(post(many, ids).transactions).toHaveLength(1);
    expect(post(many, ids).entries.map(({ kind, amountNano }) => [kind, amountNano])).toEqual([['usage', 300n], ['revenue', -300n]]);
    expect(post([...many, call('b', { day: 101 }), call('c', { keyId: 'key 2' }), call('d', { model: 'large' })], ids).transactions).toHaveLength(4);
  });
});
