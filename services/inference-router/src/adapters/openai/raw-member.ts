const QUOTE = 34;
const BACKSLASH = 92;

/**
 * The source text of one value inside a JSON text, so that it can be passed on as it was sent: parsing and writing again
 * would change large integers and long fractions.
 *
 * `json` must be valid JSON (it was parsed before). Of equal names the last counts, as for `JSON.parse`.
 * Returns undefined when the path leads nowhere.
 */
export function rawMember(json: string, path: readonly (string | number)[]): string | undefined {
  let start = skipSpace(json, 0);
  for (const step of path) {
    const next = typeof step === 'number' ? elementStart(json, start, step) : memberStart(json, start, step);
    if (next === undefined) return undefined;
    start = next;
  }
  return json.slice(start, valueEnd(json, start));
}

function memberStart(json: string, object: number, name: string): number | undefined {
  if (json[object] !== '{') return undefined;
  let found: number | undefined;
  let at = skipSpace(json, object + 1);
  while (at < json.length && json[at] !== '}') {
    const nameEnd = valueEnd(json, at);
    const value = skipSpace(json, skipSpace(json, nameEnd) + 1);
    if (JSON.parse(json.slice(at, nameEnd)) === name) found = value;
    at = afterComma(json, valueEnd(json, value));
  }
  return found;
}

function elementStart(json: string, array: number, index: number): number | undefined {
  if (json[array] !== '[') return undefined;
  let at = skipSpace(json, array + 1);
  for (let count = 0; at < json.length && json[at] !== ']'; count++) {
    if (count === index) return at;
    at = afterComma(json, valueEnd(json, at));
  }
  return undefined;
}

function afterComma(json: string, end: number): number {
  const at = skipSpace(json, end);
  return json[at] === ',' ? skipSpace(json, at + 1) : at;
}

/** Where the value that begins at `start` ends. Not recursive: depth costs nothing. */
function valueEnd(json: string, start: number): number {
  let depth = 0;
  for (let at = start; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) {
      at = stringEnd(json, at);
      if (depth === 0) return at + 1;
    } else if (code === 123 || code === 91) depth++;
    else if (code === 125 || code === 93) {
      if (depth === 0) return at;
      if (--depth === 0) return at + 1;
    } else if (depth === 0 && (code === 44 || code <= 32)) return at;
  }
  return json.length;
}

function stringEnd(json: string, start: number): number {
  let at = start + 1;
  while (at < json.length && json.charCodeAt(at) !== QUOTE) at += json.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at;
}

function skipSpace(json: string, start: number): number {
  let at = start;
  while (at < json.length && json.charCodeAt(at) <= 32) at++;
  return at;
}
