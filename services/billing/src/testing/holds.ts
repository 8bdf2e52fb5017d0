import type { Subject } from '../domain/account.ts';
import type { BudgetBook } from '../domain/budget-book.ts';
import type { Hold, HoldRequest, Refusal } from '../domain/hold.ts';
import type { Price } from '../domain/money.ts';
import type { Period } from '../domain/period.ts';

export const PRICE: Price = { id: 'price_1', model: 'small', currency: 'USD', inputNano: 3n, cachedInputNano: 1n, outputNano: 5n, reasoningNano: 5n, validFromMs: 0 };
export const SUBJECTS: readonly Subject[] = [
  { level: 'organisation', id: 'org' },
  { level: 'project', id: 'project' },
  { level: 'key', id: 'key' },
];

/** A request for a hold; 10 input and 10 output tokens at PRICE are 80 nano-units. */
export function requestOf(callId: string, more: Partial<HoldRequest> = {}): HoldRequest {
  return {
    callId, subjects: SUBJECTS, price: PRICE, day: 100, producer: 'gateway', epoch: 1n,
    inputTokensBound: 10n, outputTokens: 10n, outputTokensBound: 100n, leastOutputTokens: 0n, ...more,
  };
}

export function setCap(book: BudgetBook, subject: Subject, amountNano: bigint, period: Period = 'day', sinceDay = 0): void {
  book.account(subject).setCap({ amountNano, period, sinceDay, baselineNano: 0n });
}

export function isRefusal(answer: Hold | Refusal): answer is Refusal {
  return 'cap' in answer;
}

/** A hold that must be given. */
export function granted(answer: Hold | Refusal): Hold {
  if (isRefusal(answer)) throw new Error(`refused at ${answer.subject.level}`);
  return answer;
}

export function countsOf(inputTokens: bigint, outputTokens: bigint) {
  return { inputTokens, outputTokens, cachedInputTokens: 0n, reasoningTokens: 0n };
}
