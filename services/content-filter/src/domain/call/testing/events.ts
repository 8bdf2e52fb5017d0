import { create } from '@bufbuild/protobuf';
import { Channel, ChatEventSchema, type ChatEvent, type Delta } from '@sluice/proto/chat/v1/chat';

interface DeltaFields {
  readonly choice?: number;
  readonly channel?: Channel;
  readonly tool?: { readonly index?: number; readonly id?: string; readonly type?: string; readonly name?: string };
  readonly logprobs?: unknown;
  readonly extra?: unknown;
}

const NO_BYTES = new Uint8Array(0);

/** An event whose every member throws when it is changed. */
function frozen(event: ChatEvent): ChatEvent {
  const value = event.event.value as Delta | undefined;
  if (value?.tool) Object.freeze(value.tool);
  if (value) Object.freeze(value);
  Object.freeze(event.event);
  return Object.freeze(event);
}

export function delta(text: string, { choice = 0, channel = Channel.CONTENT, tool, logprobs, extra }: DeltaFields = {}): ChatEvent {
  const logprobsJson = logprobs === undefined ? NO_BYTES : Buffer.from(JSON.stringify(logprobs));
  const extraJson = extra === undefined ? NO_BYTES : Buffer.from(JSON.stringify(extra));
  return frozen(create(ChatEventSchema, { event: { case: 'delta', value: { choice, channel, text, logprobsJson, extraJson, ...(tool ? { tool } : {}) } } }));
}

export function finished(choice = 0, reason = 'stop'): ChatEvent {
  return frozen(create(ChatEventSchema, { event: { case: 'finished', value: { choice, reason } } }));
}

export function usage(json = ''): ChatEvent {
  return frozen(create(ChatEventSchema, { event: { case: 'usage', value: { inputTokens: 1n, outputTokens: 2n, json: Buffer.from(json) } } }));
}

export function started(told: { readonly systemFingerprint?: string; readonly serviceTier?: string } = {}): ChatEvent {
  return frozen(create(ChatEventSchema, { event: { case: 'started', value: { versionId: 'v', deploymentId: 'd', ...told } } }));
}

export function attempt(): ChatEvent {
  return frozen(create(ChatEventSchema, { event: { case: 'attempt', value: { versionId: 'v', deploymentId: 'd' } } }));
}

/** What a client has of an answer: the text of every channel, and why each choice ended. */
export interface ClientView {
  readonly texts: Readonly<Record<string, string>>;
  readonly reasons: Readonly<Record<number, string>>;
}

export function channelKey({ choice, channel, tool }: Pick<Delta, 'choice' | 'channel' | 'tool'>): string {
  return `${choice}/${Channel[channel]}/${tool?.index ?? 0}`;
}

export function clientView(events: readonly ChatEvent[]): ClientView {
  const texts: Record<string, string> = {};
  const reasons: Record<number, string> = {};
  for (const { event } of events) {
    if (event.case === 'delta') texts[channelKey(event.value)] = (texts[channelKey(event.value)] ?? '') + event.value.text;
    if (event.case !== 'finished') continue;
    if (reasons[event.value.choice] !== undefined) throw new Error('A choice ended twice.');
    reasons[event.value.choice] = event.value.reason;
  }
  return { texts, reasons };
}
