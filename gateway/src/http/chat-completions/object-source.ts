const BACKSLASH = 0x5c;
const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The source text of a member of a JSON object: its name with its quotes, and its value. */
export interface MemberSource {
  readonly name: string;
  readonly value: string;
}

/**
 * The members of a JSON object in their own source text, because parsing and writing it again would alter what another
 * program meant: large and small numbers, the order of keys, escapes. By decoded name; of one that stands there twice, the last.
 *
 * @param source a JSON object that has been found to be one; undefined is given for what is none
 */
export function memberSources(source: string): Map<string, MemberSource> | undefined {
  const text = source.trim();
  if (text.charCodeAt(0) !== OPEN_OBJECT) return undefined;
  const members = new Map<string, MemberSource>();
  for (const part of parts(text)) {
    const name = part.slice(0, stringEnd(part, 0) + 1);
    members.set(JSON.parse(name) as string, { name, value: part.slice(part.indexOf(':', name.length) + 1).trim() });
  }
  return members;
}

/** What stands between the brackets of a JSON array; undefined for another value. */
export function elementsSource(value: string): string | undefined {
  return value.charCodeAt(0) === OPEN_ARRAY ? value.slice(1, -1).trim() : undefined;
}

/** What stands between the commas of an object, trimmed. */
function parts(text: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let start = 1;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) at = stringEnd(text, at);
    else if (unit === OPEN_OBJECT || unit === OPEN_ARRAY) depth++;
    else if (unit === CLOSE_OBJECT || unit === CLOSE_ARRAY) depth--;
    const isEnd = depth === 0 && unit === CLOSE_OBJECT;
    if (!isEnd && !(depth === 1 && unit === COMMA)) continue;
    const part = text.slice(start, at).trim();
    if (part !== '') found.push(part);
    start = at + 1;
  }
  return found;
}

/** Index of the quote that ends the string which begins here. */
function stringEnd(text: string, open: number): number {
  for (let at = open + 1; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) return at;
    if (unit === BACKSLASH) at++;
  }
  return text.length;
}
