import { ServiceError } from '@sluice/errors';
import type { BillingService, Hold, SpendRequest, SpendResponse } from '@sluice/proto/billing/v1/billing';
import type { Counts } from '@sluice/proto/chat/v1/counts';
import type { Client } from '@sluice/rpc';
import type { Logger } from '@sluice/telemetry';
import type { TokenCounts } from '../domain/call.ts';
import type { Billing, ExtensionAsked, Granted, HoldAsked, SpendTalk } from '../domain/ports.ts';
import type { AnswerDeadlines } from './answer-deadlines.ts';
import { Conversation } from './conversation.ts';

/** Billing answers from memory; longer means that it is away. */
export const BILLING_LIMIT_MS = 2_000;

/** The call is over and on record; its client waits only so that its next call sees the money that came back. Noticed up to 250 ms later. */
export const SETTLE_LIMIT_MS = 250;

/** Billing, as the flow calls it. Anything but an answer is `billing_unavailable`, except `epoch_lost`. */
export class BillingClient implements Billing {
  readonly #billing: Client<typeof BillingService>;
  readonly #deadlines: AnswerDeadlines;
  readonly #logger: Logger;

  constructor(billing: Client<typeof BillingService>, deadlines: AnswerDeadlines, logger: Logger) {
    this.#billing = billing;
    this.#deadlines = deadlines;
    this.#logger = logger;
  }

  begin(): SpendTalk {
    return new Talk(new Conversation((requests) => this.#billing.spend(requests), this.#deadlines), this.#logger);
  }
}

class Talk implements SpendTalk {
  readonly #conversation: Conversation<SpendRequest, SpendResponse>;
  readonly #logger: Logger;

  constructor(conversation: Conversation<SpendRequest, SpendResponse>, logger: Logger) {
    this.#conversation = conversation;
    this.#logger = logger;
  }

  async hold({ callId, principal: { organisationId, projectId, keyId }, modelName, producer, epoch, inputTokensBound, outputTokens, outputTokensBound, leastOutputTokens }: HoldAsked): Promise<Granted> {
    const { step, inputIsTight } = await this.#ask({
      case: 'hold',
      value: {
        $typeName: 'billing.v1.HoldRequest', callId, organisationId, projectId, keyId, model: modelName, producer, epoch,
        inputTokensBound: BigInt(inputTokensBound), outputTokens: BigInt(outputTokens), outputTokensBound: BigInt(outputTokensBound), leastOutputTokens: BigInt(leastOutputTokens),
      },
    });
    if (step.case === 'refusal') return { inputIsTight, refusal: step.value };
    if (step.case !== 'grant' || !step.value.hold || !step.value.price) throw unavailable();
    const { hold, price, affordableOutputTokens } = step.value;
    return { inputIsTight, hold, price, affordableOutputTokens: Number(affordableOutputTokens) };
  }

  async extend({ outputTokens, counts, inputTokens = 0n, leastOutputTokens = 0 }: ExtensionAsked): Promise<Hold> {
    const { step } = await this.#ask({ case: 'extend', value: { $typeName: 'billing.v1.ExtendRequest', outputTokens: BigInt(outputTokens), inputTokens, leastOutputTokens: BigInt(leastOutputTokens), ...(counts ? { counts: countsOf(counts) } : {}) } });
    if (step.case !== 'extension' || !step.value.hold) throw unavailable();
    return step.value.hold;
  }

  onBroken(listener: (error: ServiceError) => void): void {
    this.#conversation.onBroken((cause) => listener(unavailable(cause)));
  }

  async settle(counts: TokenCounts): Promise<void> {
    try {
      await this.#ask({ case: 'settle', value: { $typeName: 'billing.v1.SettleRequest', counts: countsOf(counts) } }, SETTLE_LIMIT_MS);
    } catch (thrown) {
      const { cause } = ServiceError.from(thrown);
      // Its record was read from the log before this came: it is settled.
      if (cause instanceof ServiceError && cause.code === 'failed_precondition') return;
      this.#logger.warn({ code: cause instanceof ServiceError ? cause.code : 'internal' }, 'a call was not settled at its end; billing will from the log');
    }
  }

  end(): void {
    this.#conversation.end();
  }

  async #ask(step: SpendRequest['step'], limitMs = BILLING_LIMIT_MS): Promise<SpendResponse> {
    try {
      return await this.#conversation.ask({ $typeName: 'billing.v1.SpendRequest', step }, limitMs);
    } catch (thrown) {
      const error = ServiceError.from(thrown);
      // Billing is there, and knows from the log what this process has not heard yet.
      throw error.code === 'epoch_lost' ? new ServiceError('epoch_lost', 'The call could not be recorded. Try again.', { cause: error }) : unavailable(error);
    }
  }
}

function countsOf({ inputTokens, outputTokens, cachedInputTokens, reasoningTokens, estimated }: TokenCounts): Counts {
  return { $typeName: 'chat.v1.Counts', inputTokens, outputTokens, cachedInputTokens, reasoningTokens, estimated };
}

function unavailable(cause?: unknown): ServiceError {
  return new ServiceError('billing_unavailable', 'Billing does not answer, so no money can be set aside.', { cause, retryAfterSeconds: 1 });
}
