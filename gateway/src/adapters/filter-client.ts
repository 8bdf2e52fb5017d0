import { ServiceError } from '@sluice/errors';
import type { ContentFilterService, FilteredOutput, FilterRequest, FilterResponse, InputVerdict } from '@sluice/proto/content_filter/v1/content_filter';
import type { Client } from '@sluice/rpc';
import type { Call, Events, Principal } from '../domain/call.ts';
import type { ContentFilter, FilterTalk } from '../domain/ports.ts';
import type { AnswerDeadlines } from './answer-deadlines.ts';
import { chatCall } from './chat-call.ts';
import { Conversation } from './conversation.ts';

/** A filter that takes longer is away: nothing may pass that was not looked at. */
const FILTER_LIMIT_MS = 2_000;
/** A prompt may cost two seconds of a core, which others share; one that costs more is refused by the filter itself. */
const INPUT_LIMIT_MS = 10_000;

/** The content filter, as the flow calls it. Anything but an answer is `content_filter_unavailable`, except that an input may be refused as one that nobody can look at (`invalid_value`). */
export class FilterClient implements ContentFilter {
  readonly #filter: Client<typeof ContentFilterService>;
  readonly #deadlines: AnswerDeadlines;

  constructor(filter: Client<typeof ContentFilterService>, deadlines: AnswerDeadlines) {
    this.#filter = filter;
    this.#deadlines = deadlines;
  }

  begin(): FilterTalk {
    return new Talk(new Conversation((requests) => this.#filter.filter(requests), this.#deadlines));
  }
}

class Talk implements FilterTalk {
  readonly #conversation: Conversation<FilterRequest, FilterResponse>;

  constructor(conversation: Conversation<FilterRequest, FilterResponse>) {
    this.#conversation = conversation;
  }

  async input({ callId, principal: { organisationId, projectId }, call }: { readonly callId: string; readonly principal: Principal; readonly call: Call }): Promise<InputVerdict> {
    const { step } = await this.#ask({ case: 'input', value: { $typeName: 'content_filter.v1.FilterInput', callId, organisationId, projectId, call: chatCall(call) } });
    if (step.case !== 'verdict') throw unavailable();
    return step.value;
  }

  async output(events: Events, last: boolean): Promise<FilteredOutput> {
    const { step } = await this.#ask({ case: 'output', value: { $typeName: 'content_filter.v1.FilterOutput', events: events as Events[number][], last } });
    if (step.case !== 'output') throw unavailable();
    return step.value;
  }

  end(): void {
    this.#conversation.end();
  }

  async #ask(step: FilterRequest['step']): Promise<FilterResponse> {
    try {
      return await this.#conversation.ask({ $typeName: 'content_filter.v1.FilterRequest', step }, step.case === 'input' ? INPUT_LIMIT_MS : FILTER_LIMIT_MS);
    } catch (thrown) {
      if (step.case === 'input' && thrown instanceof ServiceError && thrown.code === 'invalid_value') throw thrown;
      throw unavailable(thrown);
    }
  }
}

function unavailable(cause?: unknown): ServiceError {
  return new ServiceError('content_filter_unavailable', 'The content filter does not answer, so nothing may pass.', { cause, retryAfterSeconds: 1 });
}
