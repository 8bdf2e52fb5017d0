import { Channel, type ChatEvent, type Delta, type Finished, type Started, type Usage } from '@sluice/proto/chat/v1/chat';
import { jsonText } from './json-text.ts';
import { stoppedJson } from './stopped.ts';
import { usageJson } from './usage.ts';

/** What every chunk of a stream says alike. */
export interface ChunkFrame {
  readonly id: string;
  /** Seconds since the Unix epoch. */
  readonly createdSeconds: number;
  /** As the client named it. */
  readonly model: string;
  readonly includeUsage: boolean;
}

/**
 * Turns events into the `data:` lines of a chat stream. JSON is written by hand around the text, because building and
 * serialising an object for each token costs more than everything else the gateway does with it.
 */
export class ChunkWriter {
  readonly #frame: ChunkFrame;
  readonly #tail: string;
  #head: string;
  readonly #opened = new Set<number>();
  /** Custom tools by choice and index: their continuations do not say their type. */
  readonly #customTools = new Set<string>();
  #usage: Usage | undefined;
  #stoppedBy = '';

  constructor(frame: ChunkFrame) {
    this.#frame = frame;
    this.#tail = frame.includeUsage ? ',"usage":null}\n\n' : '}\n\n';
    this.#head = this.#headOf(undefined);
  }

  /** The lines of these events; empty when they have nothing to show yet. */
  lines(events: readonly ChatEvent[]): string {
    let text = '';
    for (const { event } of events) {
      if (event.case === 'delta') text += this.#delta(event.value);
      else if (event.case === 'finished') text += this.#finished(event.value);
      else if (event.case === 'started') this.#head = this.#headOf(event.value);
      else if (event.case === 'usage') this.#usage = event.value;
    }
    return text;
  }

  /** What ends an answer: the usage when it was asked for, and the terminator. */
  ending(): string {
    const usage = this.#frame.includeUsage && this.#usage ? `${this.#head}"choices":[]${stoppedJson(this.#stoppedBy)},"usage":${usageJson(this.#usage)}}\n\n` : '';
    return `${usage}data: [DONE]\n\n`;
  }

  #delta(delta: Delta): string {
    const opening = this.#open(delta.choice);
    const logprobs = delta.logprobsJson.length > 0 ? `,"logprobs":${jsonText(delta.logprobsJson)}` : '';
    return `${opening}${this.#head}"choices":[{"index":${delta.choice},"delta":{${this.#members(delta)}}${logprobs},"finish_reason":null}]${this.#tail}`;
  }

  #finished({ choice, reason, stoppedBy }: Finished): string {
    this.#stoppedBy ||= stoppedBy;
    return `${this.#open(choice)}${this.#head}"choices":[{"index":${choice},"delta":{},"finish_reason":${JSON.stringify(reason || 'stop')}}]${stoppedJson(stoppedBy)}${this.#tail}`;
  }

  /** The first chunk of a choice names the role. */
  #open(choice: number): string {
    if (this.#opened.has(choice)) return '';
    this.#opened.add(choice);
    return `${this.#head}"choices":[{"index":${choice},"delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null}]${this.#tail}`;
  }

  #members(delta: Delta): string {
    const extra = delta.extraJson.length > 2 ? jsonText(delta.extraJson).trim().slice(1, -1) : '';
    const own = delta.text === '' && extra !== '' && !delta.tool ? '' : this.#channel(delta);
    return own !== '' && extra !== '' ? `${own},${extra}` : own + extra;
  }

  #channel(delta: Delta): string {
    const text = JSON.stringify(delta.text);
    switch (delta.channel) {
      case Channel.CONTENT:
        return `"content":${text}`;
      case Channel.REASONING:
        // Two names are in use; clients read the one they know.
        return `"reasoning_content":${text},"reasoning":${text}`;
      case Channel.REFUSAL:
        return `"refusal":${text}`;
      case Channel.TOOL_ARGUMENTS:
        return `"tool_calls":[${this.#toolCall(delta, text)}]`;
      case Channel.FUNCTION_ARGUMENTS:
        return `"function_call":{${delta.tool?.name ? `"name":${JSON.stringify(delta.tool.name)},` : ''}"arguments":${text}}`;
      case Channel.UNSPECIFIED:
        return '';
    }
  }

  /** Id, type and name stand on the first delta of a call only. */
  #toolCall(delta: Delta, text: string): string {
    const { index = 0, id = '', type = '', name = '' } = delta.tool ?? {};
    const key = `${delta.choice}:${index}`;
    if (type === 'custom') this.#customTools.add(key);
    const custom = this.#customTools.has(key);
    const body = (named: string): string => (custom ? `"custom":{${named}"input":${text}}` : `"function":{${named}"arguments":${text}}`);
    if (id === '') return `{"index":${index},${body('')}}`;
    return `{"index":${index},"id":${JSON.stringify(id)},"type":"${custom ? 'custom' : 'function'}",${body(`"name":${JSON.stringify(name)},`)}}`;
  }

  #headOf(started: Started | undefined): string {
    const { id, createdSeconds, model } = this.#frame;
    const tier = started?.serviceTier ? `"service_tier":${JSON.stringify(started.serviceTier)},` : '';
    const fingerprint = started?.systemFingerprint ? JSON.stringify(started.systemFingerprint) : 'null';
    return `data: {"id":"${id}","object":"chat.completion.chunk","created":${createdSeconds},"model":${JSON.stringify(model)},${tier}"system_fingerprint":${fingerprint},`;
  }
}
