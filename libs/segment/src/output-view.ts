import { Channel, type ChatEvent, type Delta } from '@sluice/proto/chat/v1/chat';
import { parseExactly } from './exact-json.ts';
import { answeredTensorsView } from './tensors-view.ts';

/** Released output as a reader sees it: put together by choice, and event by event. */
export function outputView(events: readonly ChatEvent[]): { readonly choices: readonly object[]; readonly events: readonly object[] } {
  return { choices: choicesOf(events), events: events.map(eventView) };
}

interface Choice {
  index: number;
  finish_reason: string | null;
  content: string | null;
  reasoning: string | null;
  refusal: string | null;
  tool_calls: { index: number; id: string; type: string; name: string; arguments: string }[];
  function_call: { name: string; arguments: string } | null;
}

function choicesOf(events: readonly ChatEvent[]): Choice[] {
  const choices = new Map<number, Choice>();
  const choiceOf = (index: number): Choice => {
    const known = choices.get(index) ?? { index, finish_reason: null, content: null, reasoning: null, refusal: null, tool_calls: [], function_call: null };
    choices.set(index, known);
    return known;
  };
  for (const { event } of events) {
    if (event.case === 'delta') append(choiceOf(event.value.choice), event.value);
    else if (event.case === 'finished') choiceOf(event.value.choice).finish_reason = event.value.reason;
  }
  return [...choices.values()].sort((left, right) => left.index - right.index);
}

function append(choice: Choice, { channel, text: piece, tool }: Delta): void {
  if (channel === Channel.CONTENT) choice.content = (choice.content ?? '') + piece;
  else if (channel === Channel.REASONING) choice.reasoning = (choice.reasoning ?? '') + piece;
  else if (channel === Channel.REFUSAL) choice.refusal = (choice.refusal ?? '') + piece;
  else if (channel === Channel.FUNCTION_ARGUMENTS) {
    choice.function_call ??= { name: '', arguments: '' };
    choice.function_call.name ||= tool?.name ?? '';
    choice.function_call.arguments += piece;
  } else if (channel === Channel.TOOL_ARGUMENTS) {
    const index = tool?.index ?? 0;
    let call = choice.tool_calls.find((candidate) => candidate.index === index);
    if (!call) choice.tool_calls.push((call = { index, id: '', type: '', name: '', arguments: '' }));
    call.id ||= tool?.id ?? '';
    call.type ||= tool?.type ?? '';
    call.name ||= tool?.name ?? '';
    call.arguments += piece;
  }
}

const CHANNELS: Readonly<Record<Channel, string>> = {
  [Channel.UNSPECIFIED]: 'none',
  [Channel.CONTENT]: 'content',
  [Channel.REASONING]: 'reasoning',
  [Channel.REFUSAL]: 'refusal',
  [Channel.TOOL_ARGUMENTS]: 'tool_arguments',
  [Channel.FUNCTION_ARGUMENTS]: 'function_arguments',
};

function eventView({ event }: ChatEvent): object {
  switch (event.case) {
    case 'started':
      return { type: 'started', version_id: event.value.versionId, deployment_id: event.value.deploymentId, system_fingerprint: event.value.systemFingerprint || null, service_tier: event.value.serviceTier || null };
    case 'delta':
      return {
        type: 'delta',
        choice: event.value.choice,
        channel: CHANNELS[event.value.channel],
        text: event.value.text,
        ...(event.value.tool ? { tool: { index: event.value.tool.index, id: event.value.tool.id, type: event.value.tool.type, name: event.value.tool.name } } : {}),
        ...(event.value.logprobsJson.length > 0 ? { logprobs: readableJson(event.value.logprobsJson) } : {}),
        ...(event.value.extraJson.length > 0 ? { extra: readableJson(event.value.extraJson) } : {}),
      };
    case 'attempt':
      return { type: 'attempt', version_id: event.value.versionId, deployment_id: event.value.deploymentId, external: event.value.external, error_code: event.value.errorCode || null };
    case 'finished':
      return { type: 'finished', choice: event.value.choice, reason: event.value.reason, ...(event.value.stoppedBy ? { stopped_by: event.value.stoppedBy } : {}) };
    case 'usage':
      return {
        type: 'usage',
        input_tokens: Number(event.value.inputTokens),
        output_tokens: Number(event.value.outputTokens),
        cached_input_tokens: Number(event.value.cachedInputTokens),
        reasoning_tokens: Number(event.value.reasoningTokens),
        estimated: event.value.estimated,
        // What the backend said. The client got it as it stands here, unless the counts were estimated.
        ...(event.value.json.length > 0 ? { reported: readableJson(event.value.json) } : {}),
      };
    case 'tensors':
      return { type: 'tensors', ...answeredTensorsView(event.value.response) };
    // Counts on the way are not recorded as output.
    case 'counts':
    case undefined:
      return { type: 'unknown' };
  }
}

/** Null for what is not there; a record that is not JSON is shown as text, so that nothing is hidden. */
export function readableJson(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return null;
  const content = Buffer.from(bytes).toString();
  try {
    return parseExactly(content);
  } catch {
    return content;
  }
}
