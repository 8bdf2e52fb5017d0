import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { BillingService, HoldRequest, SpendRequest, SpendResponse } from '@sluice/proto/billing/v1/billing';
import type { Implementation } from '@sluice/rpc';
import type { BudgetBook } from '../domain/budget-book.ts';
import type { Hold, Refusal } from '../domain/hold.ts';
import { subjectsOf } from '../domain/call.ts';
import { dayOf } from '../domain/period.ts';
import type { PriceList } from '../domain/price-list.ts';
import { countsOf, holdMessage, priceMessage, refusalMessage } from './messages.ts';

/**
 * Calls in memory, those that run and those that ended and are not in the ledger yet: half a gigabyte, more than an hour
 * without a database at 200 calls a second.
 */
export const HOLDS_LIMIT = 1_000_000;
const LEDGER_BEHIND_RETRY_SECONDS = 10;

export interface SpendDependencies {
  readonly book: BudgetBook;
  readonly prices: Pick<PriceList, 'priceOf'>;
  readonly clock: Clock;
  /** Throws `billing_unavailable` while another process may keep the book, or the tables are not in it. */
  readonly requireBook: () => void;
  /** Throws `billing_unavailable` also as long as the log has not been taken in. */
  readonly requireReady: () => void;
  readonly onRefusal: (refusal: Refusal) => void;
}

/** The way of one call with money: each request is answered from memory, at once. */
export function spend(dependencies: SpendDependencies): Implementation<typeof BillingService>['spend'] {
  return async function* spendOneCall(requests) {
    let hold: Hold | undefined;
    let refusal: Refusal | undefined;
    try {
      for await (const { step } of requests) {
        // At every step: the book may be somebody else's by now.
        dependencies.requireReady();
        if (step.case === 'hold') {
          const answer = holdFor(step.value, dependencies);
          [hold, refusal] = 'cap' in answer ? [undefined, answer] : [answer, undefined];
          yield response('cap' in answer ? { case: 'refusal', value: refusalMessage(answer) } : { case: 'grant', value: grantMessage(answer) }, answer.isTight);
        } else yield response(next(hold, step, dependencies.book));
      }
    } finally {
      // Until the end it may come again with a better count of its input.
      if (refusal) dependencies.onRefusal(refusal);
    }
  };
}

function holdFor(request: HoldRequest, { book, prices, clock }: SpendDependencies): Hold | Refusal {
  const { callId, organisationId, projectId, keyId, model, producer, epoch, inputTokensBound, outputTokens, outputTokensBound, leastOutputTokens } = request;
  if (book.holds >= HOLDS_LIMIT && !book.holdOf(callId)) throw new ServiceError('billing_unavailable', 'Too many calls wait to be billed.', { retryAfterSeconds: LEDGER_BEHIND_RETRY_SECONDS });
  return book.hold({
    callId, subjects: subjectsOf({ organisationId, projectId, keyId }), price: prices.priceOf(organisationId, model), day: dayOf(clock.wallMs()),
    producer, epoch, inputTokensBound, outputTokens, outputTokensBound, leastOutputTokens,
  });
}

function next(hold: Hold | undefined, step: SpendRequest['step'], book: BudgetBook): SpendResponse['step'] {
  if (!hold) throw new ServiceError('failed_precondition', 'Nothing is held for this call.');
  if (step.case === 'extend') {
    const { outputTokens, counts, inputTokens, leastOutputTokens } = step.value;
    const extended = book.extend(hold.callId, outputTokens, counts && countsOf(counts), inputTokens > 0n ? inputTokens : undefined, leastOutputTokens);
    return { case: 'extension', value: { $typeName: 'billing.v1.Extension', hold: holdMessage(extended) } };
  }
  if (step.case !== 'settle') throw new ServiceError('invalid_value', 'A step must be a hold, an extension or a settlement.', { param: 'step' });
  const { costNano, overrunNano } = hold.settlement ?? book.settle(hold.callId, countsOf(step.value.counts));
  return { case: 'settlement', value: { $typeName: 'billing.v1.Settlement', costNano, overrunNano } };
}

function grantMessage(hold: Hold): Extract<SpendResponse['step'], { case: 'grant' }>['value'] {
  return { $typeName: 'billing.v1.Grant', hold: holdMessage(hold), price: priceMessage(hold.price), affordableOutputTokens: hold.affordableOutputTokens };
}

function response(step: SpendResponse['step'], inputIsTight = false): SpendResponse {
  return { $typeName: 'billing.v1.SpendResponse', step, inputIsTight };
}
