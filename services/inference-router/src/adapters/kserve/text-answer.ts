import { ServiceError } from '@sluice/errors';
import type { TextResponse, TokenLogprob, TokenLogprobs } from '@sluice/kserve';
import { Channel, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import { counts, delta, finished, started, usage, type CountsFields } from '../openai/chat-events.ts';

const FINISH_REASONS = new Set(['stop', 'length']);

export interface AnswerOrigin {
  readonly versionId: string;
  readonly deploymentId: string;
}

/** Turns the responses of a text model, one request for each choice, into the events of one chat. */
export class TextAnswer {
  readonly #origin: AnswerOrigin;
  readonly #choices: ReadonlyMap<string, number>;
  readonly #open: Set<string>;
  #isStarted = false;
  #inputTokens = 0;
  #outputTokens = 0;
  /** Of them, those that the last counts told of. */
  #toldTokens = 0;

  /** `ids`: the request ids, in the order of the choices. */
  constructor(origin: AnswerOrigin, ids: readonly string[]) {
    this.#origin = origin;
    this.#choices = new Map(ids.map((id, choice) => [id, choice]));
    this.#open = new Set(ids);
  }

  get isFinished(): boolean {
    return this.#open.size === 0;
  }

  /**
   * The events of one response, and the counts up to it where the server gives both; after the last one of the last choice
   * the usage instead.
   */
  read(response: TextResponse): ChatEvent[] {
    const choice = this.#choices.get(response.id);
    if (choice === undefined || !this.#open.has(response.id)) throw malformed('a response that belongs to no request');
    // The prompt is the same for all choices, and is counted once.
    this.#inputTokens = response.inputTokens ?? this.#inputTokens;
    this.#outputTokens += response.outputTokens ?? 0;
    const events = this.#start();
    if (response.textOutput !== '' || response.logprobs?.length) events.push(textDelta(choice, response));
    if (!response.final) return this.#withCounts(events);
    if (response.finishReason === undefined || !FINISH_REASONS.has(response.finishReason)) throw malformed('an end without a known reason');
    this.#open.delete(response.id);
    events.push(finished(choice, response.finishReason));
    if (!this.isFinished) return this.#withCounts(events);
    events.push(usage({ ...this.#counts(), estimated: false, json: new Uint8Array(0) }));
    return events;
  }

  /** A server that counts has counted the prompt before anything else: nothing of it is a server that does not. */
  #withCounts(events: ChatEvent[]): ChatEvent[] {
    if (this.#inputTokens > 0 && this.#outputTokens > this.#toldTokens) {
      this.#toldTokens = this.#outputTokens;
      events.push(counts(this.#counts()));
    }
    return events;
  }

  #start(): ChatEvent[] {
    if (this.#isStarted) return [];
    this.#isStarted = true;
    return [started({ ...this.#origin, systemFingerprint: '', serviceTier: '' })];
  }

  #counts(): CountsFields {
    return { inputTokens: BigInt(this.#inputTokens), outputTokens: BigInt(this.#outputTokens), cachedInputTokens: 0n, reasoningTokens: 0n };
  }
}

function textDelta(choice: number, { textOutput, logprobs }: TextResponse): ChatEvent {
  const event = delta(choice, Channel.CONTENT, textOutput);
  if (logprobs?.length && event.event.case === 'delta') {
    event.event.value.logprobsJson = Buffer.from(JSON.stringify({ content: logprobs.map(openAiEntry), refusal: null }));
  }
  return event;
}

function openAiEntry(step: TokenLogprobs) {
  return { ...openAiToken(step), top_logprobs: step.top.map(openAiToken) };
}

/** A token that is a part of a character has no bytes that could be told from its text. */
function openAiToken({ text, logprob }: TokenLogprob) {
  return { token: text, logprob, bytes: text.includes('\uFFFD') ? null : [...Buffer.from(text)] };
}

function malformed(what: string): ServiceError {
  return new ServiceError('upstream_error', `The model server sent ${what}.`);
}
