import { Channel, type Delta, type Finished, type Started, type Usage } from '@sluice/proto/chat/v1/chat';
import type { Events } from '../../domain/call.ts';
import type { Sink } from '../../domain/ports.ts';
import { jsonText } from './json-text.ts';
import { elementsSource, memberSources, type MemberSource } from './object-source.ts';
import { stoppedJson } from './stopped.ts';
import { usageJson } from './usage.ts';

interface ReplyFrame {
  readonly id: string;
  /** Seconds since the Unix epoch. */
  readonly createdSeconds: number;
  readonly model: string;
}

/** The whole answer of one call: collects what the flow releases. */
export class ChatReply implements Sink {
  readonly #choices = new Map<number, ChoiceBuilder>();
  #started: Started | undefined;
  #usage: Usage | undefined;
  #stoppedBy = '';

  release(events: Events): void {
    for (const { event } of events) {
      if (event.case === 'delta') this.#choice(event.value.choice).add(event.value);
      else if (event.case === 'finished') this.#finish(event.value);
      else if (event.case === 'started') this.#started = event.value;
      else if (event.case === 'usage') this.#usage = event.value;
    }
  }

  drained(): undefined {
    return undefined;
  }

  /** The JSON body. */
  body({ id, createdSeconds, model }: ReplyFrame): string {
    const choices = [...this.#choices].sort(([left], [right]) => left - right).map(([index, choice]) => choice.json(index));
    const tier = this.#started?.serviceTier ? `"service_tier":${JSON.stringify(this.#started.serviceTier)},` : '';
    const fingerprint = this.#started?.systemFingerprint ? JSON.stringify(this.#started.systemFingerprint) : 'null';
    const usage = this.#usage ? `,"usage":${usageJson(this.#usage)}` : '';
    return `{"id":"${id}","object":"chat.completion","created":${createdSeconds},"model":${JSON.stringify(model)},"choices":[${choices.join(',')}]${usage}${stoppedJson(this.#stoppedBy)},${tier}"system_fingerprint":${fingerprint}}`;
  }

  #finish({ choice, reason, stoppedBy }: Finished): void {
    this.#choice(choice).finishReason = reason || 'stop';
    this.#stoppedBy ||= stoppedBy;
  }

  #choice(index: number): ChoiceBuilder {
    let choice = this.#choices.get(index);
    if (!choice) this.#choices.set(index, (choice = new ChoiceBuilder()));
    return choice;
  }
}

interface ToolCallParts {
  id: string;
  type: string;
  name: string;
  text: string;
}

class ChoiceBuilder {
  finishReason = 'stop';
  #content: string | undefined;
  #refusal: string | undefined;
  #reasoning: string | undefined;
  readonly #tools = new Map<number, ToolCallParts>();
  #function: { name: string; text: string } | undefined;
  /** In the backend's own text, as it came. */
  readonly #logprobs: string[] = [];
  readonly #extras: string[] = [];

  add(delta: Delta): void {
    if (delta.logprobsJson.length > 0) this.#logprobs.push(jsonText(delta.logprobsJson));
    if (delta.extraJson.length > 0) this.#extras.push(jsonText(delta.extraJson));
    switch (delta.channel) {
      case Channel.CONTENT:
        // What is no text travels on an empty piece, and is no content.
        if (delta.text !== '') this.#content = (this.#content ?? '') + delta.text;
        break;
      case Channel.REASONING:
        this.#reasoning = (this.#reasoning ?? '') + delta.text;
        break;
      case Channel.REFUSAL:
        this.#refusal = (this.#refusal ?? '') + delta.text;
        break;
      case Channel.TOOL_ARGUMENTS:
        this.#addTool(delta);
        break;
      case Channel.FUNCTION_ARGUMENTS:
        this.#function ??= { name: '', text: '' };
        this.#function.name ||= delta.tool?.name ?? '';
        this.#function.text += delta.text;
        break;
      case Channel.UNSPECIFIED:
    }
  }

  json(index: number): string {
    const extras = new Map(this.#extras.flatMap((source) => [...(memberSources(source) ?? [])]));
    const acted = this.#tools.size > 0 || this.#function !== undefined || this.#refusal !== undefined || (extras.get('audio')?.value ?? 'null') !== 'null';
    const own = {
      role: 'assistant',
      // A successful text reply is never null; a turn that only called a tool, refused or spoke is.
      content: this.#content ?? (acted ? null : ''),
      refusal: this.#refusal ?? null,
      annotations: [],
      ...(this.#reasoning === undefined ? {} : { reasoning_content: this.#reasoning, reasoning: this.#reasoning }),
      ...(this.#tools.size === 0 ? {} : { tool_calls: [...this.#tools].sort(([left], [right]) => left - right).map(([, tool]) => toolCall(tool)) }),
      ...(this.#function === undefined ? {} : { function_call: { name: this.#function.name, arguments: this.#function.text } }),
    };
    const members = extras.size === 0 ? JSON.stringify(own) : withExtras(own, extras);
    return `{"index":${index},"message":${members},"logprobs":${joinLogprobs(this.#logprobs)},"finish_reason":${JSON.stringify(this.finishReason)}}`;
  }

  #addTool({ tool, text }: Delta): void {
    const index = tool?.index ?? 0;
    let parts = this.#tools.get(index);
    if (!parts) this.#tools.set(index, (parts = { id: '', type: 'function', name: '', text: '' }));
    if (tool?.id) parts.id = tool.id;
    if (tool?.type) parts.type = tool.type;
    if (tool?.name) parts.name = tool.name;
    parts.text += text;
  }
}

function toolCall({ id, type, name, text }: ToolCallParts): object {
  return type === 'custom' ? { id, type, custom: { name, input: text } } : { id, type: 'function', function: { name, arguments: text } };
}

/** Members that Sluice does not interpret stand as the backend wrote them, also where it means one of ours (`annotations`). */
function withExtras(own: object, extras: ReadonlyMap<string, MemberSource>): string {
  const kept = Object.entries(own).filter(([name]) => !extras.has(name)).map(([name, value]) => `"${name}":${JSON.stringify(value)}`);
  return `{${[...kept, ...[...extras.values()].map(({ name, value }) => `${name}:${value}`)].join(',')}}`;
}

/** One piece as it came; of several the lists, joined member by member; null when the model gave none. */
function joinLogprobs(pieces: readonly string[]): string {
  if (pieces.length <= 1) return pieces[0] ?? 'null';
  const joined = new Map<string, { readonly name: string; value: string; readonly elements: string[] }>();
  for (const piece of pieces) {
    for (const [key, { name, value }] of memberSources(piece) ?? []) {
      const elements = elementsSource(value);
      const before = joined.get(key);
      if (!before) joined.set(key, { name, value, elements: elements ? [elements] : [] });
      else if (elements) before.elements.push(elements);
      if (before && value !== 'null') before.value = value;
    }
  }
  const members = [...joined.values()].map(({ name, value, elements }) => `${name}:${elementsSource(value) === undefined ? value : `[${elements.join(',')}]`}`);
  return `{${members.join(',')}}`;
}
