import { describe, expect, it } from '@jest/globals';
import { ManualClock, systemClock, systemIds } from '@sluice/clock';
import { granted, isRefusal, requestOf, setCap, SUBJECTS } from '../testing/holds.ts';
import { BudgetBook } from './budget-book.ts';
import type { Budget } from './budget.ts';
import { dayOf } from './period.ts';
import type { Administration, BillingState } from './ports.ts';
import { PriceList } from './price-list.ts';
import { setBudget } from './set-budget.ts';

const ACTOR = { keyId: 'owner', organisationId: 'org' };
const KEY = SUBJECTS[2]!;
const clock = new ManualClock();
const day = dayOf(clock.wallMs());
const request = (callId: string) => requestOf(callId, { day });

interface Script {
  /** Runs while the budget is being written. */
  readonly meanwhile: () => void;
  /** Undefined: nobody knows yet. */
  readonly isDurable: boolean | undefined;
}

/** One act that writes while others hold; answers what it wrote, and how to tell its fate. */
function setting(book: BudgetBook, amountNano: bigint, { meanwhile, isDurable }: Script) {
  const written: Budget[] = [];
  let follow: (isDurable: boolean) => void = () => undefined;
  const state: Partial<BillingState> = {
    budget: async () => undefined,
    countBudgets: async () => 0,
    putBudget: async (budget) => {
      written.push(budget);
      meanwhile();
    },
    record: async (_act, told) => { follow = told; },
  };
  const administration: Administration = {
    clock, ids: systemIds(systemClock), book, prices: new PriceList(),
    acts: { act: (_organisationId, work) => work(state as BillingState) },
    permissions: { require: async () => undefined, hasProject: async () => true, hasInferenceKey: async () => true },
  };
  const done = setBudget(administration, ACTOR, { level: 'key', subjectId: KEY.id, amountNano, period: 'day' }).then((budget) => {
    if (isDurable !== undefined) follow(isDurable);
    return budget;
  });
  return { done, written, tell: (fate: boolean) => follow(fate) };
}

/** What is held at the key. */
const heldNano = (book: BudgetBook): bigint => book.account(KEY).standing(day).heldNano;

describe('a budget that is being set', () => {
  it('applies from before its floor is read, so that nobody is accused of what came in between', async () => {
    const book = new BudgetBook();
    setCap(book, KEY, 1_000_000n);
    granted(book.hold(request('before')));
    const refusals: unknown[] = [];
    const { done } = setting(book, 100n, { meanwhile: () => refusals.push(book.hold(request('meanwhile'))), isDurable: true });
    expect(await done).toMatchObject({ floorNano: 80n, amountNano: 100n });
    // 20 nano-units are left of the new one: not even the input and one token of output.
    expect(refusals).toMatchObject([{ subject: KEY, cap: { amountNano: 100n }, heldNano: 80n }]);
    expect(heldNano(book)).toBe(80n);
    expect(book.account(KEY).cap).toMatchObject({ amountNano: 100n });
  });

  it('that is the first one applies meanwhile, and the old one as long as a larger one is not durable', async () => {
    const first = new BudgetBook();
    await setting(first, 50n, { meanwhile: () => expect(granted(first.hold(request('a')))).toMatchObject({ limited: true, amountNano: 50n }), isDurable: true }).done;
    const book = new BudgetBook();
    setCap(book, KEY, 50n);
    const larger = setting(book, 1_000n, { meanwhile: () => expect(granted(book.hold(request('a')))).toMatchObject({ amountNano: 50n }), isDurable: undefined });
    await larger.done;
    expect(isRefusal(book.hold(request('b')))).toBe(true);
    larger.tell(true);
    expect(isRefusal(book.hold(request('b')))).toBe(false);
  });

  it('leaves nothing behind when it fails or is rolled back', async () => {
    const book = new BudgetBook();
    const failing = setting(book, 0n, { meanwhile: () => { throw new Error('the disk is full'); }, isDurable: undefined });
    await expect(failing.done).rejects.toThrow('the disk is full');
    expect(granted(book.hold(request('a'))).limited).toBe(false);
    await setting(book, 0n, { meanwhile: () => undefined, isDurable: false }).done;
    expect(granted(book.hold(request('b'))).limited).toBe(false);
    expect(book.account(KEY).cap).toBeUndefined();
  });
});
