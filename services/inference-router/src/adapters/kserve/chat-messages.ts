import { ServiceError } from '@sluice/errors';

/** A message as chat templates know it. */
export interface TemplateMessage {
  readonly role: string;
  readonly content: string;
  readonly name?: string;
}

/** What the templates call the role of a message; they know no `developer`. */
const ROLES = new Map([['system', 'system'], ['developer', 'system'], ['user', 'user'], ['assistant', 'assistant']]);

/** Members of a message that mean something only with tools or sound. */
const UNSUPPORTED_MEMBERS = ['tool_calls', 'function_call', 'tool_call_id', 'audio'];

interface Part {
  readonly type?: unknown;
  readonly text?: unknown;
  readonly refusal?: unknown;
}

/** The array `messages` for a template of a text model; parts of text are joined, anything else is refused by its path. */
export function readMessages(json: Uint8Array): TemplateMessage[] {
  const messages = JSON.parse(Buffer.from(json).toString('utf8')) as Readonly<Record<string, unknown>>[];
  return messages.map((message, index) => {
    const path = `messages[${index}]`;
    const role = ROLES.get(String(message.role));
    if (role === undefined) throw unsupported(`${path}.role`);
    const member = UNSUPPORTED_MEMBERS.find((name) => isGiven(message[name]));
    if (member) throw unsupported(`${path}.${member}`);
    const content = isGiven(message.refusal) && !isGiven(message.content) ? String(message.refusal) : readContent(message.content, `${path}.content`);
    return { role, content, ...(typeof message.name === 'string' && { name: message.name }) };
  });
}

function readContent(content: unknown, path: string): string {
  if (content === null || content === undefined) return '';
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) throw unsupported(path);
  return (content as readonly Part[])
    .map((part, index) => {
      if (part.type === 'text' && typeof part.text === 'string') return part.text;
      if (part.type === 'refusal' && typeof part.refusal === 'string') return part.refusal;
      throw unsupported(`${path}[${index}].type`);
    })
    .join('');
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);
}

function unsupported(path: string): ServiceError {
  return new ServiceError('unsupported_parameter', `This model takes text only: '${path}' is not supported.`, { param: path });
}
