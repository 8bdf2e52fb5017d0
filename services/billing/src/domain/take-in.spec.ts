import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { countsOf, PRICE } from '../testing/holds.ts';
import { BudgetBook } from './budget-book.ts';
import { subjectsOf, type Fact, type OpenCall } from './call.ts';
import { applyPlan, takeIn, type Known, type Plan } from './take-in.ts';

const NOTHING: Known = { open: [], billed: new Set() };
const callOf = (callId: string, more: Partial<OpenCall> = {}): OpenCall => ({
  callId, organisationId: 'org', projectId: 'project', keyId: 'key', model: 'small', producer: 'gateway', epoch: 1n, day: 100, price: PRICE,
  amountNano: 80n, limited: true, outputTokens: 10n, counts: countsOf(0n, 0n), ...more,
});
const admitted = (callId: string, more: Partial<OpenCall> = {}): Fact => ({ kind: 'admitted', call: callOf(callId, more) });
const output = (callId: string, tokens: bigint): Fact => ({ kind: 'output', callId, counts: countsOf(10n, tokens), hold: undefined });
const completed = (callId: string, tokens: bigint): Fact => ({ kind: 'completed', callId, counts: countsOf(10n, tokens), hold: undefined });
const closed = (epoch = 1n): Fact => ({ kind: 'closed', producer: 'gateway', epoch });
const plan = (facts: readonly Fact[], known = NOTHING): Plan => takeIn(facts, known, () => undefined);

describe('a batch of the log', () => {
  it('bills a call that begins and ends in it, and leaves nothing open', () => {
    expect(plan([admitted('a'), output('a', 1n), completed('a', 2n)])).toMatchObject({ opened: [], changed: [], ended: [], billed: [{ callId: 'a', costNano: 40n, overrunNano: 0n }], strays: 0 });
  });

  it('keeps the newest figures and the newest hold of a call that goes on', () => {
    const { opened } = plan([admitted('a'), output('a', 1n), { kind: 'output', callId: 'a', counts: countsOf(10n, 9n), hold: { amountNano: 130n, limited: true, outputTokens: 20n } }, output('a', 12n)]);
    expect(opened).toMatchObject([{ amountNano: 130n, outputTokens: 20n, counts: { outputTokens: 12n } }]);
  });

  it('bills what was durable of a call that its process left behind, at the close of its epoch', () => {
    const known = { open: [callOf('old', { counts: countsOf(10n, 3n) }), callOf('new', { epoch: 2n })], billed: new Set<string>() };
    const given = plan([admitted('a'), output('a', 4n), closed()], known);
    expect(given.billed).toMatchObject([{ callId: 'old', costNano: 45n }, { callId: 'a', costNano: 50n }]);
    expect(given).toMatchObject({ ended: ['old'], opened: [], changed: [], closed: [{ producer: 'gateway', epoch: 1n }] });
  });

  it('books what a limited hold did not cover as overrun, and what an unlimited one did not as unheld', () => {
    const [limited, unlimited] = [plan([admitted('a'), completed('a', 100n)]), plan([admitted('a', { limited: false }), completed('a', 100n)])];
    expect(limited.billed).toMatchObject([{ costNano: 530n, overrunNano: 450n, unheldNano: 0n }]);
    expect(unlimited.billed).toMatchObject([{ costNano: 530n, overrunNano: 0n, unheldNano: 450n }]);
  });

  it('puts the cost on the day of the hold, also when the record was made after midnight', () => {
    expect(takeIn([admitted('a', { day: 101 }), completed('a', 1n)], NOTHING, () => 100).billed).toMatchObject([{ day: 100 }]);
    expect(plan([admitted('a', { day: 101 }), completed('a', 1n)]).billed).toMatchObject([{ day: 101 }]);
  });

  it('counts and passes over records that no producer should write', () => {
    const known: Known = { open: [], billed: new Set(['done']) };
    const strays = [completed('done', 1n), completed('unknown', 1n), output('unknown', 1n), admitted('done'), { kind: 'unreadable' } as const, admitted('a'), admitted('a'), completed('a', 1n), completed('a', 9n), admitted('a')];
    expect(plan(strays, known)).toMatchObject({ strays: 8, billed: [{ callId: 'a', costNano: 35n }], opened: [] });
  });

  it('bills nothing of a refused call', () => {
    expect(plan([{ kind: 'refused', callId: 'a' }])).toMatchObject({ refused: ['a'], billed: [], strays: 0 });
  });
});

describe('the log, however it is cut into batches', () => {
  const script = fc.array(fc.oneof(
    fc.nat(5).map((at) => admitted(`${at}`)),
    fc.tuple(fc.nat(5), fc.bigInt({ min: 0n, max: 9n })).map(([at, tokens]) => output(`${at}`, tokens)),
    fc.tuple(fc.nat(5), fc.bigInt({ min: 0n, max: 9n })).map(([at, tokens]) => completed(`${at}`, tokens)),
  ), { maxLength: 40 });
  // Nothing of an epoch lies behind its close.
  const log = fc.tuple(script, fc.boolean()).map(([facts, isClosed]) => (isClosed ? [...facts, closed()] : facts));

  it('ends in the same bills, the same open calls and the same book, and bills each call once', () => {
    fc.assert(fc.property(log, fc.array(fc.nat(40)), (facts, cuts) => {
      const whole = play([facts]);
      const bounds = [0, ...cuts.filter((cut) => cut < facts.length).toSorted((left, right) => left - right), facts.length];
      const parts = play(bounds.slice(1).map((end, at) => facts.slice(bounds[at], end)));
      expect(parts).toEqual(whole);
      expect(new Set(whole.billed.map(([id]) => id)).size).toBe(whole.billed.length);
    }));
  });

  /** Plays batches on tables and a book of plain memory. */
  function play(batches: readonly (readonly Fact[])[]) {
    const open = new Map<string, OpenCall>();
    const billed = new Map<string, bigint>();
    const book = new BudgetBook();
    for (const batch of batches) {
      const given = plan(batch, { open: [...open.values()], billed: new Set(billed.keys()) });
      for (const callId of given.ended) expect(open.delete(callId)).toBe(true);
      for (const call of given.opened) {
        expect(open.has(call.callId)).toBe(false);
        open.set(call.callId, call);
      }
      for (const call of given.changed) {
        expect(open.has(call.callId)).toBe(true);
        open.set(call.callId, call);
      }
      for (const call of given.billed) {
        expect(billed.has(call.callId)).toBe(false);
        billed.set(call.callId, call.costNano);
      }
      applyPlan(book, given);
    }
    const money = subjectsOf(callOf('a')).map((subject) => book.account(subject).standing(100));
    const spentNano = [...billed.values()].reduce((sum, cost) => sum + cost, 0n);
    const heldNano = [...open.values()].reduce((sum, { amountNano }) => sum + amountNano, 0n);
    for (const standing of money) expect(standing).toEqual({ spentNano, settlingNano: 0n, heldNano });
    const byId = (left: readonly [string, unknown], right: readonly [string, unknown]): number => left[0].localeCompare(right[0]);
    return { open: [...open].toSorted(byId), billed: [...billed].toSorted(byId), money };
  }
});
