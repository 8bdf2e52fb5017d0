import { resolve } from 'node:path';
import { readCommandName } from '../settings.ts';

const COMMAND = /(^|[\s`])sluice (?=(?:up|serve|mesh|certs|chat|model|key|project|whoami|limit|parameter|price|budget|usage|ledger|filter|audit|reconcile|events|apply|export|doctor|backup|restore|stack|test|help)\b)/g;
const NEEDS_NO_QUOTES = /^[\w@%+=:,./~-]+$/;

/** What the person typed to get here, as their shell takes it again: `./sluice`. The launcher tells; `sluice` without it. */
export function typedCommand(): string {
  return quoted(readCommandName() ?? 'sluice');
}

/** The option that a command needs to find this folder: none where it is the one that it takes by itself. */
export function dataOption(folder: string, usual: string): string {
  return resolve(folder) === resolve(usual) ? '' : ` --data ${quoted(folder)}`;
}

function quoted(word: string): string {
  return NEEDS_NO_QUOTES.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A text of this program with the commands in it as the person can type them. */
export function asTyped(text: string): string {
  const typed = typedCommand();
  return text.replace(COMMAND, (_, before: string) => `${before}${typed} `);
}
