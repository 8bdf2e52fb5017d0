import { z } from 'zod';
import { CommandFailed } from '../exit-code.ts';
import type { HttpApi } from '../platform-api/http-api.ts';
import { serverSentEvents } from '../platform-api/server-sent-events.ts';
import { printable } from '../terminal/printable.ts';

export interface ChatMessage {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

const delta = z.object({ content: z.string().nullish(), refusal: z.string().nullish() });
const chunk = z.object({ choices: z.array(z.object({ delta, finish_reason: z.string().nullish() })) });
const failure = z.object({ error: z.object({ message: z.string() }) });
const DONE = '[DONE]';

/**
 * One streamed answer: every piece of text goes to `show` when it arrives.
 * Throws CommandFailed when the stream ends without its end: such an answer is not whole.
 */
export async function streamAnswer(api: HttpApi, model: string, messages: readonly ChatMessage[], signal: AbortSignal, show: (text: string) => void): Promise<string> {
  const response = await api.stream('/chat/completions', { model, messages, stream: true }, signal);
  let text = '';
  for await (const data of serverSentEvents(response.body!)) {
    if (data === DONE) return text;
    const piece = readPiece(data);
    text += piece;
    if (piece !== '') show(printable(piece));
  }
  throw new CommandFailed('The answer broke off: the platform closed the connection.');
}

function readPiece(data: string): string {
  let event: unknown;
  try {
    event = JSON.parse(data);
  } catch {
    throw new CommandFailed('The platform sent an event that is not JSON.');
  }
  const failed = failure.safeParse(event);
  if (failed.success) throw new CommandFailed(printable(failed.data.error.message));
  const parsed = chunk.safeParse(event);
  return parsed.success ? parsed.data.choices.map(({ delta: { content, refusal } }) => content ?? refusal ?? '').join('') : '';
}
