import { readCommandName } from '../settings.ts';

const COMMAND = /(^|[\s`])sluice (?=(?:up|serve|mesh|certs|chat|model|key|project|whoami|limit|parameter|price|budget|usage|ledger|filter|audit|reconcile|events|apply|export|doctor|backup|restore|stack|test|help)\b)/g;
const NEEDS_NO_QUOTES = /^[\w@%+=:,./~-]+$/;

/** What the person typed to get here, as their shell takes it again: `./sluice`. The launcher tells; `sluice` without it. */
export function typedCommand(): string {
  const name = readCommandName() ?? 'sluice';
  return NEEDS_NO_QUOTES.test(name) ? name : `'${name.replaceAll("'", `'\\''`)}'`;
}

/** A text of this program with the commands in it as the person can type them. */
export function asTyped(text: string): string {
  const typed = typedCommand();
  return text.replace(COMMAND, (_, before: string) => `${before}${typed} `);
}
