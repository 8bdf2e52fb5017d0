import { isDeepStrictEqual } from 'node:util';
import type { RecordedCall } from '../platform-api/answers.ts';
import { printable, printableLine } from '../terminal/printable.ts';
import { statusWords } from './call-status.ts';
import { governanceFacts, hitLines, isOfTensors, type FactRow } from './governed-call.ts';

type Choice = RecordedCall['choices'][number];
type Request = NonNullable<RecordedCall['request']>;
type Message = NonNullable<Request['messages']>[number];

/** Members of the request that have their own place in the text, or that every call has. */
const SHOWN_ELSEWHERE = new Set(['model', 'stream', 'messages']);

const SHOWN_BESIDES = ['system_fingerprint', 'service_tier', 'logprobs', 'extra', 'reported', 'outputs'];

const NO_BODIES = {
  not_kept: 'Bodies were not kept: the project of this call keeps digests only (project create --bodies digest). What was asked and answered cannot be shown; that it was this and nothing else can still be proven.',
  not_kept_of_refused: 'What was asked was not kept: the call was refused before the content filter had looked at it, or its project keeps digests only (project create --bodies digest). That it was this and nothing else can still be proven.',
  gone: 'The bodies are gone: their time of retention is over, or their key is. The proof stands.',
};

/** A recorded call as people read it: the facts, then who said what. No recorded byte can drive the terminal. */
export function conversation(call: RecordedCall): string {
  return [...facts(call), '', ...said(call)].join('\n');
}

function facts(call: RecordedCall): string[] {
  const rows: FactRow[] = [
    ['call', call.id],
    ['status', [...statusWords(call), ...(call.http_status === null ? [] : [`HTTP ${call.http_status}`])].join(', ')],
    ['error', call.error_message ?? undefined],
    ['model', `${call.model}${call.version_id ? ` (${call.version_id})` : ''}${call.stream ? ', streamed' : ''}`],
    ['who', `project ${call.project_id}, key ${call.key_id}`],
    ['when', `${call.admitted_at ?? '-'} to ${call.ended_at ?? '-'}`],
    ['time', call.duration_ms === null ? undefined : `${call.duration_ms} ms${firstOutput(call)}`],
    isOfTensors(call) ? ['counted', call.usage ? 'one request' : undefined] : ['tokens', tokensText(call.usage)],
    ...governanceFacts(call),
    ['leaf', call.leaf_index === null ? 'none yet' : `${call.leaf_index} of the transparency log`],
    ['segments', segmentRanges(call)],
  ];
  return rows.flatMap(([name, value]) => (value ? [`${name.padEnd(10)}${printableLine(value)}`] : []));
}

/** Cached tokens are part of the input, those of reasoning of the output. */
function tokensText(usage: RecordedCall['usage']): string | undefined {
  if (!usage) return undefined;
  const { input_tokens: input, cached_input_tokens: cached, output_tokens: output, reasoning_tokens: reasoning, estimated } = usage;
  const part = (tokens: number, name: string): string => (tokens === 0 ? '' : ` (${tokens} ${name})`);
  return `${input} in${part(cached, 'of them cached')}, ${output} out${part(reasoning, 'of them reasoning')}${estimated ? ' (estimated)' : ''}`;
}

/** Zero stands for "never" in a record, unless there was output: then it came at once. */
function firstOutput({ first_output_ms: afterMs, output_bytes: bytes }: RecordedCall): string {
  return bytes === 0 && !afterMs ? ', no output' : `, first output after ${afterMs ?? '-'} ms`;
}

/** `producer/epoch/first-last` for each epoch: a streamed answer lies in many segments. */
function segmentRanges({ segments }: RecordedCall): string {
  const ranges = new Map<string, { first: string; last: string }>();
  for (const { producer, epoch, seq } of segments) {
    const place = `${producer}/${epoch}`;
    ranges.set(place, { first: ranges.get(place)?.first ?? seq, last: seq });
  }
  return [...ranges].map(([place, { first, last }]) => `${place}/${first === last ? first : `${first}-${last}`}`).join(' ');
}

function said(call: RecordedCall): string[] {
  const hits = hitLines(call);
  const found = hits.length > 0 ? block('matches of rules', hits.join('\n')) : [];
  if (call.bodies !== 'kept') return [...found, NO_BODIES[call.bodies === 'not_kept' && call.status === 'refused' ? 'not_kept_of_refused' : call.bodies]];
  const { request, choices } = call;
  const asked = call.original?.request;
  // What a rule looked at and left alone is shown once.
  const given = isDeepStrictEqual(call.original?.output?.choices, choices) ? undefined : call.original?.output?.choices;
  return [
    ...(asked ? requestText(asked, ', as asked') : []),
    ...(request ? requestText(request, asked ? ', as sent to the model' : '') : []),
    ...(given?.flatMap((choice) => answer(choice, given.length, ', as the model gave it')) ?? []),
    ...choices.flatMap((choice) => answer(choice, choices.length, given ? ', as sent to the client' : '')),
    ...found,
    ...besides(call.events),
  ];
}

/** `which`: behind each title, which of two it is. */
function requestText(request: Request, which: string): string[] {
  const parameters = Object.entries(request).filter(([name, value]) => !SHOWN_ELSEWHERE.has(name) && value !== null);
  return [
    ...(request.messages?.flatMap((each) => message(each, which)) ?? []),
    ...(parameters.length > 0 ? block(`parameters${which}`, parameters.map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join('\n')) : []),
  ];
}

function message(value: Message, which: string): string[] {
  const { role, content, name, tool_calls: toolCalls, tool_call_id: toolCallId, ...rest } = value;
  const title = [role, name, toolCallId].filter((part) => typeof part === 'string').join(' ');
  const lines = [contentText(content)];
  if (Array.isArray(toolCalls)) lines.push(...toolCalls.map((call) => `tool call ${JSON.stringify(call)}`));
  for (const [field, given] of Object.entries(rest)) if (given !== null && given !== undefined) lines.push(`${field}: ${JSON.stringify(given)}`);
  return block(`${title}${which}`, lines.filter((line) => line !== '').join('\n'));
}

/** Text is shown as text; any other part of a message as the JSON that it was. */
function contentText(content: unknown): string {
  if (content === null || content === undefined) return '';
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return JSON.stringify(content);
  return content.map((part: unknown) => (isTextPart(part) ? part.text : JSON.stringify(part))).join('\n');
}

function isTextPart(part: unknown): part is { text: string } {
  return typeof part === 'object' && part !== null && 'type' in part && part.type === 'text' && 'text' in part && typeof part.text === 'string';
}

function answer(choice: Choice, choices: number, which: string): string[] {
  const number = choices > 1 ? ` ${choice.index}` : '';
  const calls = [...(choice.tool_calls ?? []), ...(choice.function_call ? [choice.function_call] : [])];
  return [
    ...(choice.reasoning ? block(`reasoning${number}${which}`, choice.reasoning) : []),
    ...(choice.refusal ? block(`refusal${number}${which}`, choice.refusal) : []),
    ...calls.flatMap(({ id, name, arguments: given }) => block(`${`tool call${number} ${name ?? ''} ${id ?? ''}`.trimEnd()}${which}`, given ?? '')),
    ...block(`answer${number} (${choice.finish_reason ?? 'not finished'})${which}`, choice.content ?? ''),
  ];
}

/** What an answer had besides its text: log-probabilities, members that only the backend knows, its tier and its own count; and who was asked in vain. */
function besides(events: RecordedCall['events']): string[] {
  const lines = events.flatMap((event) => SHOWN_BESIDES.flatMap((name) => (event[name] === undefined || event[name] === null ? [] : [`${name}${'choice' in event ? ` of choice ${JSON.stringify(event.choice)}` : ''}: ${JSON.stringify(event[name])}`])));
  const asked = events.filter(({ type }) => type === 'attempt').map((event) => `${event.external === true ? 'asked outside of the house' : 'asked'}: deployment ${String(event.deployment_id)}${typeof event.error_code === 'string' ? `, no answer (${event.error_code})` : ''}`);
  return asked.length + lines.length === 0 ? [] : block('besides', [...asked, ...lines].join('\n'));
}

function block(title: string, text: string): string[] {
  return [`--- ${printableLine(title)}`, printable(text), ''];
}
