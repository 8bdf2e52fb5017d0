import { InvalidArgumentError, type Command } from 'commander';
import type { ChatOptions } from '../chat/conversation.ts';
import { talks, examples } from './output.ts';

/** Small models may repeat themselves without an end. */
const DEFAULT_TOKENS = 1024;
const MAX_TOKENS = 1_000_000;

export function addChatCommand(program: Command): void {
  const chat = talks(program.command('chat').description('chat with a model in the terminal').argument('[prompt]', 'one question; - reads it from standard input; none: a conversation'));
  chat.option('--model <name>', 'the model (default: the first that the key may use; those inside the house first, an alias only without a model, the demonstration model last)').option('--max-tokens <n>', 'longest answer, in tokens', tokens, DEFAULT_TOKENS);
  examples(chat, ['sluice chat', 'sluice chat "Why is the sky blue?"', 'git diff | sluice chat - --model qwen']).action(async (prompt: string | undefined, options: ChatOptions) => {
    const { converse, answerOnce } = await import('../chat/conversation.ts');
    await (prompt === undefined ? converse(options) : answerOnce(prompt, options));
  });
}

function tokens(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > MAX_TOKENS) throw new InvalidArgumentError(`Give a number from 1 to ${MAX_TOKENS}.`);
  return value;
}
