import type { Command } from 'commander';
import { talks, examples } from './output.ts';

export interface ChatOptions {
  readonly model?: string;
  readonly data?: string;
}

export function addChatCommand(program: Command): void {
  const chat = talks(program.command('chat').description('chat with a model in the terminal').argument('[prompt]', 'one question; - reads it from standard input; none: a conversation'));
  chat.option('--model <name>', 'the model (default: the first that the key may use)');
  examples(chat, ['sluice chat', 'sluice chat "Why is the sky blue?"', 'git diff | sluice chat - --model qwen']).action(async (prompt: string | undefined, options: ChatOptions) => {
    const { converse, answerOnce } = await import('../chat/conversation.ts');
    await (prompt === undefined ? converse(options) : answerOnce(prompt, options));
  });
}
