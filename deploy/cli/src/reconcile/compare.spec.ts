import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Accounts, AuditedCall } from './accounts.ts';
import { compare, type DifferenceKind } from './compare.ts';

const ended = (id: string, more: Partial<AuditedCall> = {}): AuditedCall => ({ id, status: 'answered', costNano: 5n, overrunNano: 0n, ...more });

/** Accounts of some calls that agree in everything. */
function agreeing(ids: readonly string[], text = 'An answer.'): Accounts {
  return {
    audit: ids.map((id) => ended(id)),
    ledger: ids.map((id) => ({ id, costNano: 5n, overrunNano: 0n })),
    log: ids.map((id) => ({ id, ends: 1, isLate: false })),
    receipts: ids.map((id) => ({ id, status: 200, contents: [text], isWhole: true })),
    texts: new Map(ids.map((id) => [id, [text]])),
  };
}

const kinds = (accounts: Partial<Accounts>): [string, DifferenceKind][] => compare({ ...agreeing(['a', 'b']), ...accounts }).map(({ callId, kind }) => [callId, kind]);

describe('the comparison of accounts', () => {
  it('finds nothing where all say the same, also in what they are not asked', () => {
    expect(kinds({})).toEqual([]);
    expect(kinds({ log: undefined, receipts: undefined, texts: new Map() })).toEqual([]);
  });

  it.each<[string, Partial<Accounts>, [string, DifferenceKind][]]>([
    ['an answer that nobody recorded', { audit: [ended('a')], ledger: [{ id: 'a', costNano: 5n, overrunNano: 0n }], log: [{ id: 'a', ends: 1, isLate: false }] }, [['b', 'received_without_record']]],
    ['text beyond the record', { texts: new Map([['a', ['An answer.']], ['b', ['An']]]) }, [['b', 'received_beyond_record']]],
    ['another text than the record', { texts: new Map([['a', ['An answer.']], ['b', ['Another.']]]) }, [['b', 'received_beyond_record']]],
    ['a whole answer that is shorter than the record', { texts: new Map([['a', ['An answer.']], ['b', ['An answer. And more.']]]) }, [['b', 'received_less_than_whole']]],
    ...['abandoned', 'disconnected', 'failed'].map((status): [string, Partial<Accounts>, [string, DifferenceKind][]] => (
      [`a whole answer of a call that is ${status} on record`, { audit: [ended('a'), ended('b', { status })] }, [['b', 'received_whole_not_answered']]]
    )),
    ['a whole answer of a call that is refused on record', { audit: [ended('a'), ended('b', { status: 'refused' })], ledger: [{ id: 'a', costNano: 5n, overrunNano: 0n }] }, [['b', 'received_whole_not_answered']]],
    ['a call without an end', { audit: [ended('a'), ended('b', { status: 'running' })] }, [['b', 'not_ended']]],
    ['a call that was not billed', { ledger: [{ id: 'a', costNano: 5n, overrunNano: 0n }] }, [['b', 'not_billed']]],
    ['a call that was billed twice', { ledger: ['a', 'b', 'b'].map((id) => ({ id, costNano: 5n, overrunNano: 0n })) }, [['b', 'billed_twice']]],
    ['a bill without a record', { audit: [ended('a')], log: undefined, receipts: undefined }, [['b', 'billed_without_record']]],
    ['a record that stands twice', { audit: [ended('a'), ended('b'), ended('b')] }, [['b', 'recorded_twice']]],
    ['another cost', { audit: [ended('a'), ended('b', { costNano: 6n })] }, [['b', 'cost_differs']]],
    ['another overrun', { audit: [ended('a'), ended('b', { overrunNano: 1n })] }, [['b', 'cost_differs']]],
    ['an end in the log that the audit does not have', { audit: [ended('a')], ledger: [{ id: 'a', costNano: 5n, overrunNano: 0n }], receipts: undefined }, [['b', 'logged_without_record']]],
    ['a record that the log does not have', { log: [{ id: 'a', ends: 1, isLate: false }] }, [['b', 'recorded_without_log']]],
    ['two ends in the log', { log: [{ id: 'a', ends: 1, isLate: false }, { id: 'b', ends: 2, isLate: false }] }, [['b', 'ended_twice']]],
  ])('finds %s', (_, accounts, expected) => {
    expect(kinds(accounts)).toEqual(expected);
  });

  it('holds nothing against what was never released, refused, cut off or kept as a digest', () => {
    const late = { id: 'c', ends: 1, isLate: true };
    expect(kinds({ log: [...agreeing(['a', 'b']).log!, late] })).toEqual([]);
    expect(kinds({ audit: [ended('a'), ended('b', { status: 'refused', costNano: 0n })], ledger: [{ id: 'a', costNano: 5n, overrunNano: 0n }], receipts: [] })).toEqual([]);
    expect(kinds({ receipts: [{ id: 'b', status: 200, contents: ['An'], isWhole: false }] })).toEqual([]);
    expect(kinds({ audit: [ended('a'), ended('b', { status: 'abandoned' })], receipts: [{ id: 'b', status: 200, contents: ['An answer.'], isWhole: false }] })).toEqual([]);
    expect(kinds({ audit: [ended('a'), ended('b', { status: 'failed' })], receipts: [{ id: 'b', status: 502, contents: [], isWhole: true }] })).toEqual([]);
    expect(kinds({ receipts: [{ id: 'nobody', status: 429, contents: [], isWhole: false }] })).toEqual([]);
    expect(kinds({ texts: new Map([['a', undefined], ['b', undefined]]) })).toEqual([]);
  });

  it('holds an error against the record only where it must be there', () => {
    const told = (status: number, contents: readonly string[] = [], id = 'nobody'): [string, DifferenceKind][] => kinds({ receipts: [{ id, status, contents, isWhole: true }] });
    for (const status of [400, 401, 404, 500, 502, 503]) expect(told(status, ['The event log does not answer.'])).toEqual([]);
    expect(told(429)).toEqual([['nobody', 'refused_without_record']]);
    expect(told(200)).toEqual([['nobody', 'received_without_record']]);
    expect([told(429, [], 'b'), told(502, [''], 'b'), told(502, ['It broke.'], 'b')]).toEqual([[], [], []]);
  });

  it('asks the log for no call that began before it', () => {
    const [early, late] = [1_000, 2_000].map((ms) => ms.toString(16).padStart(12, '0') + 'f'.repeat(20)) as [string, string];
    const of = (logSinceMs: number): [string, DifferenceKind][] => kinds({ ...agreeing([early, late]), log: [], logSinceMs });
    expect(of(2_000)).toEqual([[late, 'recorded_without_log']]);
    expect(of(0)).toEqual([[early, 'recorded_without_log'], [late, 'recorded_without_log']]);
    expect(of(2_001)).toEqual([]);
  });

  it('never takes less than every change of one account for a difference', () => {
    const change = fc.constantFrom<(accounts: Accounts, id: string) => Accounts>(
      (accounts, id) => ({ ...accounts, audit: accounts.audit.filter((call) => call.id !== id) }),
      (accounts, id) => ({ ...accounts, ledger: accounts.ledger.filter((call) => call.id !== id) }),
      (accounts, id) => ({ ...accounts, log: accounts.log!.filter((call) => call.id !== id) }),
      (accounts, id) => ({ ...accounts, ledger: accounts.ledger.map((call) => (call.id === id ? { ...call, costNano: call.costNano + 1n } : call)) }),
      (accounts, id) => ({ ...accounts, texts: new Map([...accounts.texts, [id, ['An answe']]]) }),
      (accounts, id) => ({ ...accounts, ledger: [...accounts.ledger, ...accounts.ledger.filter((call) => call.id === id)] }),
    );
    fc.assert(fc.property(fc.uniqueArray(fc.stringMatching(/^[0-9a-f]{32}$/), { minLength: 1, maxLength: 20 }), fc.nat(), change, (ids, at, apply) => {
      const id = ids[at % ids.length]!;
      const found = compare(apply(agreeing(ids), id));
      expect(found.length).toBeGreaterThan(0);
      expect(found.every(({ callId }) => callId === id)).toBe(true);
    }));
  });

  it('says no content', () => {
    const secret = 'my card is 4111';
    const found = compare({ ...agreeing(['a'], secret), texts: new Map([['a', ['other']]]) });
    expect(found).toHaveLength(1);
    expect(JSON.stringify(found)).not.toContain('4111');
  });
});
