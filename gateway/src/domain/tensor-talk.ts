import { ServiceError } from '@sluice/errors';
import { TensorTexts, TEXTS_LIMIT } from '@sluice/kserve';
import type { ChatEvent } from '@sluice/proto/chat/v1/chat';
import type { FilteredOutput, InputVerdict } from '@sluice/proto/content_filter/v1/content_filter';
import type { Call, Events, Principal } from './call.ts';
import type { FilterTalk } from './ports.ts';

/** The numbers of `content_filter.v1.Action` and `chat.v1.Channel`; the domain does not load generated code. */
const ACTION_BLOCK = 1;
const CHANNEL_CONTENT = 1;
/** How the filter ends a text that a rule blocks. */
const BLOCKED_REASON = 'content_filter';

const NO_MESSAGES = Buffer.from('[]');
const NOTHING_FOUND: FilteredOutput = { $typeName: 'content_filter.v1.FilteredOutput', events: [], hits: [], hitCount: 0, stop: false };

/**
 * The way of tensors through the filter: their texts are looked at as what people say, each for itself. In a request each is
 * a message; in an answer each is a choice. What rules make of them takes their places, and where one is blocked nothing of
 * the answer leaves. Numbers are not looked at.
 */
export class TensorTalk implements FilterTalk {
  readonly #talk: FilterTalk;

  constructor(talk: FilterTalk) {
    this.#talk = talk;
  }

  async input(asked: { readonly callId: string; readonly principal: Principal; readonly call: Call }): Promise<InputVerdict> {
    const { tensors = new Uint8Array(), ...call } = asked.call;
    const given = TensorTexts.ofRequest(tensors);
    if (given.count > TEXTS_LIMIT) return this.#unseen({ ...asked, call: { ...call, messages: NO_MESSAGES } }, given);
    const messages = Buffer.from(JSON.stringify(given.texts.map((content) => ({ role: 'user', content }))));
    const verdict = await this.#talk.input({ ...asked, call: { ...call, messages } });
    if (!verdict.call) return verdict;
    try {
      return { ...verdict, call: { ...verdict.call, messages: NO_MESSAGES, tensors: given.replaced(textsOf(verdict.call.messages, given.texts.length)) } };
    } catch (thrown) {
      // What is blocked goes nowhere; it is not kept either when it cannot be masked.
      if (verdict.action !== ACTION_BLOCK) throw thrown;
      const { call: _unmasked, ...found } = verdict;
      return found;
    }
  }

  /** Whether there are rules that look at input the filter alone knows: it is asked without the texts, and they may pass where there are none. */
  async #unseen(asked: Parameters<FilterTalk['input']>[0], given: TensorTexts): Promise<InputVerdict> {
    const verdict = await this.#talk.input(asked);
    if (!verdict.ignoresInput) given.requireFew();
    return verdict;
  }

  async output(events: Events, _last: boolean): Promise<FilteredOutput> {
    const at = events.findIndex(({ event }) => event.case === 'tensors');
    const tensors = events[at]?.event;
    // A text that is whole was decided at once: nothing is ever held.
    if (tensors?.case !== 'tensors') return { ...NOTHING_FOUND, events: [...events] };
    const given = TensorTexts.ofResponse(tensors.value.response);
    const found = await this.#talk.output(given.texts.flatMap(wholeText), true);
    const texts = decided(found.events, given.texts.length);
    if (!texts) return { ...found, events: events.toSpliced(at, 1), stop: true };
    const left: ChatEvent = { $typeName: 'chat.v1.ChatEvent', event: { case: 'tensors', value: { ...tensors.value, response: given.replaced(texts) } } };
    return { ...found, events: events.toSpliced(at, 1, left), stop: false };
  }

  end(): void {
    this.#talk.end();
  }
}

function wholeText(text: string, choice: number): ChatEvent[] {
  const delta = { $typeName: 'chat.v1.Delta' as const, choice, channel: CHANNEL_CONTENT, text, logprobsJson: new Uint8Array(), extraJson: new Uint8Array() };
  const finished = { $typeName: 'chat.v1.Finished' as const, choice, reason: 'stop', stoppedBy: '' };
  return [{ $typeName: 'chat.v1.ChatEvent', event: { case: 'delta', value: delta } }, { $typeName: 'chat.v1.ChatEvent', event: { case: 'finished', value: finished } }];
}

/** What may leave of each text; undefined where one is blocked. */
function decided(events: Events, count: number): string[] | undefined {
  const texts = new Array<string>(count).fill('');
  const ended = new Set<number>();
  for (const { event } of events) {
    if (event.case === 'delta') texts[event.value.choice] += event.value.text;
    else if (event.case === 'finished') {
      if (event.value.reason === BLOCKED_REASON) return undefined;
      ended.add(event.value.choice);
    }
  }
  if (ended.size !== count || texts.length !== count) throw new ServiceError('content_filter_unavailable', 'The content filter did not decide about all of an answer.');
  return texts;
}

function textsOf(messages: Uint8Array, count: number): string[] {
  const given = JSON.parse(Buffer.from(messages.buffer, messages.byteOffset, messages.byteLength).toString()) as readonly { readonly content?: unknown }[];
  const texts = given.flatMap(({ content }) => (typeof content === 'string' ? [content] : []));
  if (texts.length !== count) throw new ServiceError('content_filter_unavailable', 'The content filter did not give back all of a request.');
  return texts;
}
