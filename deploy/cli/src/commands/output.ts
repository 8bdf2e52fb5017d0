import { InvalidArgumentError, type Command } from 'commander';
import { asTyped } from '../terminal/typed-command.ts';

/** Options of a command that reads something from a platform. */
export interface ReadOptions {
  readonly data?: string;
  readonly json?: boolean;
}

/** Adds the options that every command with readable output has. */
export function reads(command: Command): Command {
  return talks(command).option('--json', 'print JSON for programs');
}

/** Adds the option that says which platform is meant. */
export function talks(command: Command): Command {
  return command.option('--data <dir>', 'data folder of the platform (or SLUICE_DATA)', folderPath);
}

/** An empty path would mean the working directory: nobody means that who wrote `--data "$UNSET"`. */
export function folderPath(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('Give a folder; this is empty.');
  return text;
}

export function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

/** Prints the answer as JSON where that was asked for, else as people read it. */
export function printAnswer(options: ReadOptions, answer: unknown, readable: () => string): void {
  print(options.json ? JSON.stringify(answer, undefined, 2) : readable());
}

/** Examples at the end of a command's help. */
export function examples(command: Command, lines: readonly string[]): Command {
  return command.addHelpText('after', `\nExamples:\n${lines.map((line) => `  $ ${asTyped(line)}`).join('\n')}`);
}
