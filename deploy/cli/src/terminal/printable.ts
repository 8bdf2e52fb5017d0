/**
 * Control characters, and the marks that turn the direction of text: what a recorded answer or a name must not send
 * to the terminal. Line feed and tab stay where text has lines.
 */
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
const LINE_BREAKS = /[\n\t]/g;

/** Text of many lines with its control characters made visible: `\x1b`, `\u202e`. */
export function printable(text: string): string {
  return text.replace(UNSAFE, visible);
}

/** The same for a field of a table: one line. */
export function printableLine(text: string): string {
  return printable(text).replace(LINE_BREAKS, (character) => (character === '\n' ? '\\n' : '\\t'));
}

function visible(character: string): string {
  const code = character.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}
