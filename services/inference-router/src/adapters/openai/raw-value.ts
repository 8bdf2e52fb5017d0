const QUOTE = 34;
const BACKSLASH = 92;

/**
 * One value inside a JSON text, by its place there, so that it can be passed on as it was sent: parsing and writing again
 * would change large integers and long fractions.
 *
 * The text must be valid JSON (it was parsed before). The places of all members are found in one walk when the first is
 * asked for, so that asking for each of many costs no more than the text is long, for each level.
 */
export class RawValue {
  readonly #json: string;
  readonly #start: number;
  #members: Map<string | number, RawValue> | undefined;

  /** The value that begins at this place, by default the whole text. */
  constructor(json: string, start = 0) {
    this.#json = json;
    this.#start = skipSpace(json, start);
  }

  /** The value as it was written. */
  get text(): string {
    return this.#json.slice(this.#start, valueEnd(this.#json, this.#start));
  }

  /** The value at these names and indexes; of equal names the last counts, as for `JSON.parse`. Undefined when they lead nowhere. */
  at(...path: readonly (string | number)[]): RawValue | undefined {
    let found: RawValue | undefined = this;
    for (const step of path) found = found && found.#find().get(step);
    return found;
  }

  #find(): ReadonlyMap<string | number, RawValue> {
    if (this.#members) return this.#members;
    const json = this.#json;
    const members = new Map<string | number, RawValue>();
    this.#members = members;
    const isObject = json[this.#start] === '{';
    if (!isObject && json[this.#start] !== '[') return members;
    const close = isObject ? '}' : ']';
    let at = skipSpace(json, this.#start + 1);
    for (let index = 0; at < json.length && json[at] !== close; index++) {
      const nameEnd = isObject ? valueEnd(json, at) : at;
      const start = isObject ? skipSpace(json, skipSpace(json, nameEnd) + 1) : at;
      members.set(isObject ? (JSON.parse(json.slice(at, nameEnd)) as string) : index, new RawValue(json, start));
      at = afterComma(json, valueEnd(json, start));
    }
    return members;
  }
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
