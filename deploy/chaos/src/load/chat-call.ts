import { request, type Dispatcher } from 'undici';
import { plannedAnswer, userOf } from './answer-text.ts';
import { codeOf, SILENCE_MS, type CallEnd, type CallTarget } from './call-end.ts';
import { ANSWERED, REFUSED, WRONG, type CallOutcome } from './load-messages.ts';

const PROMPT = 'Please tell me in plain words how a write-ahead log keeps a promise.';

/** Makes one call of a chat and reads it to its end, whatever that is. */
export async function chatCall(target: CallTarget, call: number): Promise<CallEnd> {
  const sentMs = Date.now();
  let heardMs = sentMs;
  const ended = (result: string): CallOutcome => ({ sentMs, heardMs, endedMs: Date.now(), result });
  const planned = plannedAnswer(call);
  const body = JSON.stringify({ model: target.model, messages: [{ role: 'user', content: PROMPT }], stream: planned.stream, user: userOf(call) });
  let head: Dispatcher.ResponseData;
  try {
    head = await request(`${target.url}/v1/chat/completions`, {
      method: 'POST', body, dispatcher: target.dispatcher, headersTimeout: SILENCE_MS, bodyTimeout: SILENCE_MS,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${target.key}` },
    });
  } catch (error) {
    return { outcome: ended(`no answer: ${codeOf(error)}`), receipt: undefined };
  }
  const { text, broken } = await read(head.body, () => (heardMs = Date.now()));
  const id = head.headers['x-request-id'];
  const isStream = String(head.headers['content-type']).startsWith('text/event-stream');
  const { content, whole } = isStream ? readStream(text) : readWhole(text, broken === undefined && head.statusCode === 200);
  const receipt = typeof id === 'string' ? { id, status: head.statusCode, content, whole } : undefined;
  return { outcome: ended(resultOf({ status: head.statusCode, text, content, whole, broken, expected: planned.allowed })), receipt };
}

async function read(body: AsyncIterable<Buffer>, onHeard: () => void): Promise<{ text: string; broken: string | undefined }> {
  const parts: Buffer[] = [];
  try {
    for await (const part of body) {
      parts.push(part);
      onHeard();
    }
    return { text: Buffer.concat(parts).toString(), broken: undefined };
  } catch (error) {
    return { text: Buffer.concat(parts).toString(), broken: codeOf(error) };
  }
}

/** Text out of whole events: what is said is ASCII, so no character is cut. */
function readStream(text: string): { content: string; whole: boolean } {
  const events = text.split('\n\n').slice(0, -1).filter((event) => event.startsWith('data: ')).map((event) => event.slice('data: '.length));
  const contents = events.filter((event) => event !== '[DONE]').map((event) => (JSON.parse(event) as { choices?: { delta?: { content?: string | null } }[] }).choices?.[0]?.delta?.content ?? '');
  return { content: contents.join(''), whole: events.at(-1) === '[DONE]' };
}

/** Also of a body that broke off in the middle of its text, which has no character that JSON escapes. */
function readWhole(text: string, whole: boolean): { content: string; whole: boolean } {
  return { content: /"content":"([^"]*)/.exec(text)?.[1] ?? '', whole };
}

interface Heard {
  readonly status: number;
  readonly text: string;
  readonly content: string;
  readonly whole: boolean;
  readonly broken: string | undefined;
  readonly expected: string;
}

function resultOf({ status, text, content, whole, broken, expected }: Heard): string {
  const code = /"code":"([a-z_]+)"/.exec(text)?.[1];
  if (!expected.startsWith(content)) return WRONG;
  if (status !== 200) return code === 'insufficient_quota' ? REFUSED : `${status} ${code ?? ''}`.trim();
  if (!whole) return `broken off: ${code ?? broken ?? 'without an end'}`;
  return content === expected || text.includes('"stopped_by":"budget"') || text.includes('"finish_reason":"length"') ? ANSWERED : WRONG;
}
