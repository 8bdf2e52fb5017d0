import { Channel, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import { askedBytes } from '@sluice/segment';
import type { BackendCall } from '../../domain/backend.ts';
import { delta, finished, started, toolDelta } from './chat-events.ts';
import { finishReason, namesOneTool } from './finish-reason.ts';
import { CHOICES_LIMIT, TOOL_CALLS_LIMIT } from './limits.ts';
import { contentOf, extraOf, textOf } from './message-members.ts';
import { RawValue } from './raw-value.ts';
import { ToolCalls } from './tool-calls.ts';
import { errorInBand, isObject, rubbish } from './upstream-error.ts';
import { usageOf } from './usage-of.ts';
import { UsageOnTheWay } from './usage-on-the-way.ts';
import { WholeCharacters } from './whole-characters.ts';

type Json = Readonly<Record<string, unknown>>;
type Path = readonly (string | number)[];

/** Where a choice stands in the text of the backend. */
interface Place {
  readonly source: RawValue;
  readonly at: number;
}

/** What is known of one choice while it is produced. */
interface Choice {
  readonly tools: ToolCalls;
  /** By channel, without the tool calls, which each have their own. */
  readonly texts: Map<Channel, WholeCharacters>;
  finishReason: string | undefined;
  isFunctionNamed: boolean;
}

/**
 * Turns the chunks of one streamed answer, or one whole answer, into events. Holds back `Started` until there is
 * something to say, so that a backend which fails after an empty opening can still be replaced by another; and the
 * finish reasons until the end, because some backends send text or tool calls behind them.
 */
export class AnswerReader {
  readonly #call: BackendCall;
  readonly #member: 'delta' | 'message';
  readonly #choices = new Map<number, Choice>();
  readonly #isOneToolNamed: boolean;
  #isStarted = false;
  #fingerprint = '';
  #serviceTier = '';
  #usage: { readonly value: unknown; readonly source: RawValue; readonly path: Path } | undefined;
  #outputBytes = 0;
  /** Of a stream with one choice: servers count each choice for itself until the end. */
  readonly #onTheWay: UsageOnTheWay | undefined;

  constructor(call: BackendCall) {
    this.#call = call;
    this.#onTheWay = call.call.stream && call.call.choices <= 1 ? new UsageOnTheWay() : undefined;
    this.#member = call.call.stream ? 'delta' : 'message';
    this.#isOneToolNamed = namesOneTool(call.call);
  }

  /** True when some choice said why it ended: the answer may end without `[DONE]`. */
  get isFinished(): boolean {
    return this.#choices.size > 0 && [...this.#choices.values()].every((choice) => choice.finishReason !== undefined);
  }

  /** Events of one JSON text of the backend, in order; often none. Throws ServiceError for rubbish and for an error in it. */
  read(json: string, eventName = ''): ChatEvent[] {
    const chunk = parse(json);
    if (chunk['error']) throw errorInBand(chunk['error']);
    if (eventName === 'error') throw errorInBand(chunk);
    if (this.#fingerprint === '' && typeof chunk['system_fingerprint'] === 'string') this.#fingerprint = chunk['system_fingerprint'].toWellFormed();
    if (this.#serviceTier === '' && typeof chunk['service_tier'] === 'string') this.#serviceTier = chunk['service_tier'].toWellFormed();
    const source = new RawValue(json);
    if (chunk['usage']) this.#usage = { value: chunk['usage'], source, path: ['usage'] };
    else if (isObject(chunk['x_groq']) && chunk['x_groq']['usage']) this.#usage = { value: chunk['x_groq']['usage'], source, path: ['x_groq', 'usage'] };
    const events: ChatEvent[] = [];
    const choices: unknown = chunk['choices'];
    if (choices === undefined || choices === null) return events;
    if (!Array.isArray(choices)) throw rubbish('choices is not an array');
    if (choices.length > CHOICES_LIMIT) throw rubbish('there are more choices than anyone may ask for');
    for (let at = 0; at < choices.length; at++) this.#readChoice(choices[at], at, source, events);
    if (events.length === 0) return events;
    const counted = chunk['usage'] ? this.#onTheWay?.read(chunk['usage'], this.#outputBytes) : undefined;
    if (counted) events.push(counted);
    return this.#begin(events);
  }

  /** The last events: text that was held back, why each choice ended, and usage. Throws when there was no answer at all. */
  end(): ChatEvent[] {
    if (this.#choices.size === 0) throw rubbish('the answer has no choice');
    const events: ChatEvent[] = [];
    for (const [index, choice] of [...this.#choices].sort(([a], [b]) => a - b)) {
      this.#flush(index, choice, events);
      const hasTools = choice.tools.count > 0 && !this.#isOneToolNamed;
      events.push(finished(index, finishReason(choice.finishReason, hasTools, choice.isFunctionNamed)));
    }
    const source = this.#usage?.source.at(...this.#usage.path)?.text;
    events.push(usageOf(this.#usage?.value, source, { input: () => askedBytes(this.#call.call), output: this.#outputBytes }));
    return this.#begin(events);
  }

  #begin(events: ChatEvent[]): ChatEvent[] {
    if (this.#isStarted) return events;
    this.#isStarted = true;
    const { versionId, deploymentId } = this.#call;
    return [started({ versionId, deploymentId, systemFingerprint: this.#fingerprint, serviceTier: this.#serviceTier }), ...events];
  }

  #readChoice(value: unknown, at: number, source: RawValue, events: ChatEvent[]): void {
    if (!isObject(value)) throw rubbish('a choice is not an object');
    const index = value['index'] ?? at;
    if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index >= Math.min(CHOICES_LIMIT, Math.max(1, this.#call.call.choices))) {
      throw rubbish('the index of a choice is not one that was asked for');
    }
    const choice = this.#choice(index);
    const first = events.length;
    const message: unknown = value[this.#member];
    if (isObject(message)) this.#readMessage(message, index, choice, { source, at }, events);
    else if (message !== undefined && message !== null) throw rubbish('a delta is not an object');
    if (value['logprobs']) attachLogprobs(source.at('choices', at, 'logprobs')?.text, index, first, events);
    const reason = value['finish_reason'];
    if (typeof reason === 'string' && reason !== '') choice.finishReason = reason;
    if (value['usage'] && !this.#usage) this.#usage = { value: value['usage'], source, path: ['choices', at, 'usage'] };
  }

  #readMessage(message: Json, index: number, choice: Choice, place: Place, events: ChatEvent[]): void {
    this.#text(textOf(message['reasoning_content']) || textOf(message['reasoning']), index, choice, Channel.REASONING, events);
    this.#text(contentOf(message['content']), index, choice, Channel.CONTENT, events);
    this.#text(textOf(message['refusal']), index, choice, Channel.REFUSAL, events);
    const tools = message['tool_calls'];
    if (Array.isArray(tools)) {
      if (tools.length > TOOL_CALLS_LIMIT) throw rubbish('too many tool calls');
      for (let at = 0; at < tools.length; at++) {
        const event = choice.tools.read(tools[at], (member, field) => this.#raw(place)?.at('tool_calls', at, member, field)?.text);
        if (event) this.#push(event, events);
      }
    }
    if (isObject(message['function_call'])) this.#functionCall(message['function_call'], index, choice, events);
    const extra = extraOf(message, () => this.#raw(place));
    if (extra) {
      const event = delta(index, Channel.CONTENT, '');
      if (event.event.case === 'delta') event.event.value.extraJson = extra;
      this.#push(event, events);
      this.#outputBytes += extra.length;
    }
  }

  #raw({ source, at }: Place): RawValue | undefined {
    return source.at('choices', at, this.#member);
  }

  #functionCall(call: Json, index: number, choice: Choice, events: ChatEvent[]): void {
    const name = choice.isFunctionNamed ? '' : (textOf(call['name']) ?? '').toWellFormed();
    const text = whole(choice, Channel.FUNCTION_ARGUMENTS, textOf(call['arguments']) ?? '');
    if (name === '' && text === '') return;
    choice.isFunctionNamed ||= name !== '';
    this.#push(toolDelta(index, Channel.FUNCTION_ARGUMENTS, text, { index: 0, id: '', type: '', name }), events);
  }

  #text(piece: string | undefined, index: number, choice: Choice, channel: Channel, events: ChatEvent[]): void {
    if (!piece) return;
    const text = whole(choice, channel, piece);
    if (text !== '') this.#push(delta(index, channel, text), events);
  }

  #flush(index: number, choice: Choice, events: ChatEvent[]): void {
    for (const [channel, characters] of choice.texts) {
      const rest = characters.end();
      if (rest === '') continue;
      this.#push(channel === Channel.FUNCTION_ARGUMENTS ? toolDelta(index, channel, rest, { index: 0, id: '', type: '', name: '' }) : delta(index, channel, rest), events);
    }
    for (const event of choice.tools.end()) this.#push(event, events);
  }

  #push(event: ChatEvent, events: ChatEvent[]): void {
    if (event.event.case === 'delta') this.#outputBytes += Buffer.byteLength(event.event.value.text);
    events.push(event);
  }

  #choice(index: number): Choice {
    let choice = this.#choices.get(index);
    if (!choice) {
      choice = { tools: new ToolCalls(index, `call_${this.#call.callId}`), texts: new Map(), finishReason: undefined, isFunctionNamed: false };
      this.#choices.set(index, choice);
    }
    return choice;
  }
}

/** What of the piece can be said now. */
function whole(choice: Choice, channel: Channel, piece: string): string {
  let characters = choice.texts.get(channel);
  if (!characters) choice.texts.set(channel, (characters = new WholeCharacters()));
  return characters.push(piece);
}

function parse(json: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    // The parser's message quotes the text, so it is not kept as the cause.
    throw rubbish('the backend sent malformed JSON');
  }
  if (!isObject(value)) throw rubbish('the backend sent JSON that is not an object');
  return value;
}

/** Log-probabilities belong to the text that came with them; without text they travel on an empty piece. */
function attachLogprobs(source: string | undefined, index: number, first: number, events: ChatEvent[]): void {
  if (source === undefined) return;
  let event = events.slice(first).find(({ event: { case: kind, value } }) => kind === 'delta' && (value.channel === Channel.CONTENT || value.channel === Channel.REFUSAL));
  if (!event) {
    event = delta(index, Channel.CONTENT, '');
    events.push(event);
  }
  if (event.event.case === 'delta') event.event.value.logprobsJson = Buffer.from(source);
}
