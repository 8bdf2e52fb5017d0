import type { AuditedCall } from './audited-call.ts';

/** One streamed choice as OpenAI writes it, as far as it carries output. */
interface StreamedChoice {
  readonly index: number;
  readonly delta: {
    readonly content?: string | null;
    readonly refusal?: string | null;
    readonly reasoning_content?: string | null;
    readonly tool_calls?: readonly { readonly index: number; readonly function?: { readonly arguments?: string } }[];
  };
  readonly logprobs?: { readonly content?: readonly { readonly token: string; readonly logprob: number }[] | null } | null;
}

/** Output by channel, `choice.channel`: every character of every choice, log-probabilities too. */
export class Channels {
  readonly texts = new Map<string, string>();

  get isEmpty(): boolean {
    return this.texts.size === 0;
  }

  /** The text of the first choice. */
  get content(): string {
    return this.texts.get('0.content') ?? '';
  }

  addChunk(choices: readonly StreamedChoice[]): void {
    for (const { index, delta, logprobs } of choices) {
      this.#add(`${index}.content`, delta.content);
      this.#add(`${index}.refusal`, delta.refusal);
      this.#add(`${index}.reasoning`, delta.reasoning_content);
      for (const call of delta.tool_calls ?? []) this.#add(`${index}.tool${call.index}`, call.function?.arguments);
      for (const { token, logprob } of logprobs?.content ?? []) this.#add(`${index}.logprobs`, `${token}=${logprob};`);
    }
  }

  /** The channels of a record; log-probabilities stand in its events. */
  static ofRecord(call: AuditedCall): Channels {
    const channels = new Channels();
    for (const choice of call.choices) {
      channels.#add(`${choice.index}.content`, choice.content);
      channels.#add(`${choice.index}.refusal`, choice.refusal);
      channels.#add(`${choice.index}.reasoning`, choice.reasoning);
      for (const tool of choice.tool_calls) channels.#add(`${choice.index}.tool${tool.index}`, tool.arguments);
    }
    for (const event of call.events) for (const { token, logprob } of event.logprobs?.content ?? []) channels.#add(`${event.choice}.logprobs`, `${token}=${logprob};`);
    return channels;
  }

  /** Channels of which this holds something that the record does not begin with. */
  missingIn(record: Channels): string[] {
    return [...this.texts].filter(([channel, text]) => !(record.texts.get(channel) ?? '').startsWith(text)).map(([channel]) => channel);
  }

  #add(channel: string, text: string | null | undefined): void {
    if (text) this.texts.set(channel, (this.texts.get(channel) ?? '') + text);
  }
}
