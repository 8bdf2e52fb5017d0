import type { Call, Field } from '../../domain/call.ts';
import { messagesTokens, type PromptTokens } from '../../domain/limits/token-bound.ts';
import { invalidValue, missing, unknown } from '../field-rules.ts';
import { readJsonMembers, type JsonMembers } from '../json-members.ts';
import { FIELDS } from './fields.ts';

/** What the client asked for, and how it wants its stream. */
export interface ChatRequest {
  readonly call: Call;
  /** The most that its messages can take. */
  readonly messagesTokens: PromptTokens;
  /** `stream_options.include_usage`. */
  readonly includeUsage: boolean;
}

/** What of a request was understood before it was refused; goes into the record of the refusal. */
export interface UnderstoodCall {
  model: string;
  messages: Uint8Array;
  fields: Field[];
  stream: boolean;
  choices: number;
}

/** Of a request of which nothing was understood. No request asks for no choices, so their number says that. */
export function emptyCall(): UnderstoodCall {
  return { model: '', messages: new Uint8Array(), fields: [], stream: false, choices: 0 };
}

/** Members that are part of the call itself, not among the fields that travel verbatim. `stream_options` travels, to be recorded. */
const OWN_MEMBERS = new Set(['model', 'messages', 'stream', 'n']);

/**
 * Reads the body of POST /v1/chat/completions. Fields are checked in the client's order and the first violation is
 * reported, as OpenAI does. An explicit null is the same as absence.
 *
 * @param understood filled along the way, so that a refused request can be recorded as far as it went
 * @throws ServiceError with the path of the field at fault as `param`
 */
export function readChatRequest(body: Buffer, understood: UnderstoodCall = emptyCall()): ChatRequest {
  const members = readJsonMembers(body);
  understood.choices = 1;
  for (const [name, bytes] of members.bytes) {
    const value = members.value[name];
    if (!Object.hasOwn(FIELDS, name)) throw unknown(name);
    if (value === null) continue;
    FIELDS[name]!(value, name);
    keep(understood, name, value, bytes);
  }
  checkTogether(members.value, understood);
  const options = members.value['stream_options'] as { include_usage?: boolean | null } | null | undefined;
  return { call: understood, messagesTokens: messagesTokens(members.value['messages'] as readonly unknown[]), includeUsage: options?.include_usage === true };
}

function keep(call: UnderstoodCall, name: string, value: unknown, bytes: Buffer): void {
  if (!OWN_MEMBERS.has(name)) call.fields.push({ name, json: bytes });
  else if (name === 'model') call.model = value as string;
  else if (name === 'messages') call.messages = bytes;
  else if (name === 'stream') call.stream = value as boolean;
  else if (name === 'n') call.choices = value as number;
}

/** Rules that span fields. */
function checkTogether(value: JsonMembers['value'], call: UnderstoodCall): void {
  if (call.model === '') throw missing('model');
  if (call.messages.length === 0) throw missing('messages');
  if (!call.stream && isGiven(value, 'stream_options')) {
    throw invalidValue('stream_options', "The 'stream_options' parameter is only allowed when 'stream' is enabled.");
  }
  if (isGiven(value, 'top_logprobs') && value['logprobs'] !== true) {
    throw invalidValue('top_logprobs', "Invalid 'top_logprobs': it is only allowed when 'logprobs' is enabled.");
  }
  if (isGiven(value, 'tool_choice') && value['tool_choice'] !== 'none' && !isGiven(value, 'tools')) {
    throw invalidValue('tool_choice', "Invalid value for 'tool_choice': it is only allowed when 'tools' are specified.");
  }
  if (isGiven(value, 'max_tokens') && isGiven(value, 'max_completion_tokens')) {
    // Servers that read both differ in which one they honour; dropping one here would hide that from the record.
    throw invalidValue('max_tokens', "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.");
  }
}

function isGiven(value: JsonMembers['value'], name: string): boolean {
  return value[name] !== undefined && value[name] !== null;
}
