import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import type { SpendRequest, SpendResponse } from '@sluice/proto/billing/v1/billing';
import { PRICE } from '../testing/holds.ts';
import { BudgetBook } from '../domain/budget-book.ts';
import { PriceList } from '../domain/price-list.ts';
import { HOLDS_LIMIT, spend } from './spend.ts';

const KEY = { level: 'key', id: 'key' };
const never = { metadata: {}, signal: new AbortController().signal };

describe('the conversation of one call with money', () => {
  let book: BudgetBook;
  let refusals: string[];
  beforeEach(() => {
    [book, refusals] = [new BudgetBook(), []];
  });

  /** All answers to these steps, each asked when the one before is answered. */
  async function say(capNano: bigint, ...steps: SpendRequest['step'][]): Promise<SpendResponse[]> {
    const prices = new PriceList();
    prices.put('org', PRICE);
    book.account(KEY).setCap({ amountNano: capNano, period: 'none', sinceDay: 0, baselineNano: 0n });
    const nothing = (): void => undefined;
    const dependencies = { book, prices, clock: new ManualClock(), requireBook: nothing, requireReady: nothing, onRefusal: ({ subject }: { subject: { level: string } }) => void refusals.push(subject.level) };
    const answers: SpendResponse[] = [];
    const requests = async function* (): AsyncGenerator<SpendRequest> {
      for (const step of steps) yield { $typeName: 'billing.v1.SpendRequest', step };
    };
    for await (const answer of spend(dependencies)(requests(), never)) answers.push(answer as SpendResponse);
    return answers;
  }

  const hold = (inputTokensBound: bigint, outputTokens = 10n): SpendRequest['step'] =>
    ({ case: 'hold', value: { $typeName: 'billing.v1.HoldRequest', callId: 'c', organisationId: 'org', projectId: 'p', keyId: 'key', model: 'small', producer: 'g', epoch: 1n, inputTokensBound, outputTokens, outputTokensBound: 100n, leastOutputTokens: 0n } });

  it('says that a refusal is for the input, takes a better count of it, and counts no refusal then', async () => {
    expect(await say(50n, hold(20n), hold(3n))).toMatchObject([
      { step: { case: 'refusal', value: { amountNano: 50n, heldNano: 0n } }, inputIsTight: true },
      { step: { case: 'grant', value: { hold: { amountNano: 49n, outputTokens: 8n, limited: true } } } },
    ]);
    expect([refusals, book.holds]).toEqual([[], 1]);
  });

  it('says that a grant is tight, and gives the same call more output for a better count', async () => {
    expect(await say(100n, hold(20n), hold(3n))).toMatchObject([
      { step: { case: 'grant', value: { hold: { amountNano: 100n, outputTokens: 8n }, affordableOutputTokens: 8n } }, inputIsTight: true },
      { step: { case: 'grant', value: { hold: { amountNano: 59n, outputTokens: 10n }, affordableOutputTokens: 18n } }, inputIsTight: true },
    ]);
    expect(book.account(KEY).heldNano).toBe(59n);
  });

  it('says of a call with plenty of room that it is not tight', async () => {
    expect(await say(10_000n, hold(20n))).toMatchObject([{ step: { case: 'grant' }, inputIsTight: false }]);
  });

  it('counts a refusal once, at its end, whether or not a better count was tried; nothing is held, and nothing more can be asked', async () => {
    expect((await say(50n, hold(20n), hold(16n))).map(({ step }) => step.case)).toEqual(['refusal', 'refusal']);
    expect([refusals, book.holds]).toEqual([['key'], 0]);
    await expect(say(100n, hold(20n), hold(40n), { case: 'settle', value: { $typeName: 'billing.v1.SettleRequest' } })).rejects.toMatchObject({ code: 'failed_precondition' });
    expect([refusals, book.holds]).toEqual([['key', 'key'], 0]);
  });

  it('holds nothing for another call while too many wait to be billed, and goes on with those that it knows', async () => {
    await say(10_000n, hold(20n));
    Object.defineProperty(book, 'holds', { value: HOLDS_LIMIT });
    expect((await say(10_000n, hold(20n))).map(({ step }) => step.case)).toEqual(['grant']);
    book.release('c');
    await expect(say(10_000n, hold(20n))).rejects.toMatchObject({ code: 'billing_unavailable', retryAfterSeconds: 10 });
  });
});
