import { isUtf8 } from 'node:buffer';
import { CommandFailed, WrongUse } from '../exit-code.ts';
import { isKeyText, NOT_A_KEY } from '../platform-api/key-text.ts';

const MAX_SECRET_BYTES = 8 * 1024;
const MAX_PROMPT_BYTES = 4 * 1024 * 1024;

/** A secret from a pipe: one line. Never from the command line, which every user of the machine can read. */
export async function readSecret(what: string): Promise<string> {
  if (process.stdin.isTTY) throw new WrongUse(`Pipe ${what} into this command: ... --key-stdin < FILE`);
  const secret = (await readText(MAX_SECRET_BYTES)).trim();
  if (secret === '') throw new CommandFailed(`Standard input was empty: ${what} was expected there.`);
  if (/\s/.test(secret)) throw new CommandFailed(`Standard input held more than one word: only ${what} is expected there.`);
  if (!isKeyText(secret)) throw new CommandFailed(`Standard input ${NOT_A_KEY}: ${what} was expected there.`);
  return secret;
}

export async function readPrompt(): Promise<string> {
  return readText(MAX_PROMPT_BYTES);
}

/** Standard input to its end. @throws CommandFailed for more than the limit */
export async function readAll(limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limitBytes) throw new CommandFailed(`Standard input is larger than ${limitBytes} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function readText(limitBytes: number): Promise<string> {
  const bytes = await readAll(limitBytes);
  // What is no text would be asked, and recorded, as something that nobody wrote.
  if (!isUtf8(bytes)) throw new CommandFailed('Standard input is not text in UTF-8.');
  return bytes.toString('utf8');
}
