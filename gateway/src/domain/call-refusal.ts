import { ServiceError } from '@sluice/errors';
import type { BudgetRefusal } from '@sluice/proto/billing/v1/billing';
import type { FilterVerdict, LimitRefusal, RuleRefusal } from '@sluice/proto/events/v1/calls';
import type { Call } from './call.ts';
import { RateLimitRefusal } from './limits/rate-limit-refusal.ts';

/** Values of a message, without what makes it one. */
type Values<Message> = Omit<Message, '$typeName' | '$unknown'>;

/** What refused a call, as it goes on record (`events.v1.CallRefused`). */
export type RefusedBy =
  | { readonly case: 'limit'; readonly value: Values<LimitRefusal> }
  | { readonly case: 'budget'; readonly value: BudgetRefusal }
  | { readonly case: 'rule'; readonly value: Values<RuleRefusal> };

/** What the record of a refusal says beside the error. */
export interface RefusalFacts {
  readonly refusedBy?: RefusedBy | undefined;
  readonly inputVerdict?: FilterVerdict | undefined;
  /** The call as the filter gave it: what is kept of it. Undefined before its verdict: then nothing is. */
  readonly call?: Call | undefined;
}

/** An error that refuses a call before it is admitted, with what its record is to say. */
export class CallRefusal extends ServiceError {
  readonly facts: RefusalFacts;

  constructor(error: ServiceError, facts: RefusalFacts) {
    const { param, retryAfterSeconds, upstream, cause } = error;
    super(error.code, error.message, { ...(param === undefined ? {} : { param }), ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }), ...(upstream ? { upstream } : {}), cause });
    this.facts = facts;
  }
}

/** The facts that travel with an error; of most there are none. */
export function factsOf(error: ServiceError): RefusalFacts {
  if (error instanceof RateLimitRefusal) return { refusedBy: { case: 'limit', value: error.refusedBy } };
  return error instanceof CallRefusal ? error.facts : {};
}
