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
const chunk = z.object({ choices: z.array(z.object({ delta, finish_reason: z.string().nullish() })), sluice: z.object({ stopped_by: z.string().nullish() }).nullish() });
const failure = z.object({ error: z.object({ message: z.string() }) });
const DONE = '[DONE]';

export interface Question {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly maxTokens: number;
}

/**
 * One streamed answer: every piece of text goes to `show` when it arrives, and a word on standard error when it was cut off.
 * Throws CommandFailed when the stream ends without its end: such an answer is not whole.
 */
export async function streamAnswer(api: HttpApi, { model, messages, maxTokens }: Question, signal: AbortSignal, show: (text: string) => void): Promise<string> {
  const response = await api.stream('/chat/completions', { model, messages, stream: true, max_completion_tokens: maxTokens }, signal);
  let text = '';
  let cutBy = '';
  try {
    for await (const data of serverSentEvents(response.body!)) {
      if (data === DONE) {
        const why = CUT_BY[cutBy]?.(maxTokens);
        if (why !== undefined) process.stderr.write(`\n(${why})\n`);
        return text;
      }
      const { piece, end } = readPiece(data);
      text += piece;
      cutBy = end || cutBy;
      if (piece !== '') show(printable(piece));
    }
  } catch (error) {
    // A connection that was cut ends in fetch's own TypeError.
    if (error instanceof CommandFailed || !(error instanceof TypeError)) throw error;
  }
  throw new CommandFailed('The answer broke off: the platform closed the connection.');
}

/** Ends that a reader should know of. */
const CUT_BY: Readonly<Record<string, (maxTokens: number) => string>> = {
  length: (maxTokens) => `cut off after ${maxTokens} tokens; --max-tokens gives more`,
  budget: () => 'cut off: the budget is used up; budget show tells which',
  content_filter: () => 'cut off by a rule of the content filter',
};

/** `end`: what ended a choice, Sluice's own reason before the model's. */
function readPiece(data: string): { piece: string; end: string } {
  let event: unknown;
  try {
    event = JSON.parse(data);
  } catch {
    throw new CommandFailed('The platform sent an event that is not JSON.');
  }
  const failed = failure.safeParse(event);
  if (failed.success) throw new CommandFailed(printable(failed.data.error.message));
  const parsed = chunk.safeParse(event);
  const choices = parsed.success ? parsed.data.choices : [];
  const end = (parsed.data?.sluice?.stopped_by || choices.find(({ finish_reason: reason }) => reason)?.finish_reason) ?? '';
  return { piece: choices.map(({ delta: { content, refusal } }) => content ?? refusal ?? '').join(''), end };
}
