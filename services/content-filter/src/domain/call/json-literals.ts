import { beyondLimit, JSON_DEPTH_LIMIT } from './limits.ts';

/** One string in a JSON text: a name or a value. */
export interface JsonLiteral {
  /** Offsets of the opening quote and behind the closing one. */
  readonly start: number;
  readonly end: number;
  readonly isName: boolean;
  /** Where it stands. Of a name, the object that it is of. */
  readonly path: JsonPath;
  /** The name of the member whose value this is, or the name itself; empty in a list. */
  readonly name: string;
  /** Index in the outermost list. */
  readonly index: number;
}

/** A place in JSON texts. The same place is the same object in all texts that are read from one root. */
export class JsonPath {
  /** Names joined by dots, `*` for an index: `messages.*.content`. */
  readonly text: string;
  readonly #steps = new Map<string, JsonPath>();

  constructor(text: string) {
    this.text = text;
  }

  /** The place of a member, or of the elements of a list. */
  step(name: string): JsonPath {
    let next = this.#steps.get(name);
    if (!next) this.#steps.set(name, (next = new JsonPath(this.text === '' ? name : `${this.text}.${name}`)));
    return next;
  }
}

interface Level {
  readonly isObject: boolean;
  readonly path: JsonPath;
  /** The member that is being read. */
  name: string;
  expectsName: boolean;
}

/**
 * All strings of a JSON text in their order, found in one walk that builds nothing. The text must be valid (it was
 * parsed before); of what is not, strings are found as far as it looks like JSON.
 *
 * @param root the place of the whole value
 */
export function* jsonLiterals(json: string, root = new JsonPath('')): Generator<JsonLiteral, void> {
  const levels: Level[] = [];
  let level: Level | undefined;
  let index = 0;
  for (let at = 0; at < json.length; at++) {
    const unit = json.charCodeAt(at);
    if (unit === QUOTE) {
      const end = stringEnd(json, at) + 1;
      const isName = level?.expectsName ?? false;
      if (isName) {
        level!.name = decodedLiteral(json, at, end);
        level!.expectsName = false;
      }
      yield { start: at, end, isName, path: isName ? level!.path : pathOf(level, root), name: level?.name ?? '', index };
      at = end - 1;
    } else if (unit === OPEN_OBJECT || unit === OPEN_ARRAY) {
      if (levels.length >= JSON_DEPTH_LIMIT) throw beyondLimit('what nests so deep');
      level = { isObject: unit === OPEN_OBJECT, path: pathOf(level, root), name: '', expectsName: unit === OPEN_OBJECT };
      levels.push(level);
    } else if (unit === CLOSE_OBJECT || unit === CLOSE_ARRAY) {
      levels.pop();
      level = levels.at(-1);
    } else if (unit === COMMA && level) {
      level.expectsName = level.isObject;
      if (levels.length === 1 && !level.isObject) index++;
    }
  }
}

/** What a string between quotes stands for. Half of a surrogate pair stays one. */
export function decodedLiteral(json: string, start: number, end: number): string {
  const source = json.slice(start + 1, end - 1);
  return source.includes('\\') ? (JSON.parse(`"${source}"`) as string) : source;
}

/** A JSON text with some of its strings written anew; all else is byte for byte the same. */
export class JsonEdits {
  readonly #json: string;
  #text = '';
  #at = 0;

  constructor(json: string) {
    this.#json = json;
  }

  get isChanged(): boolean {
    return this.#at > 0;
  }

  /** In the order in which they stand there. */
  replace({ start, end }: { readonly start: number; readonly end: number }, text: string): void {
    this.#text += this.#json.slice(this.#at, start) + JSON.stringify(text);
    this.#at = end;
  }

  bytes(): Uint8Array {
    return Buffer.from(this.#text + this.#json.slice(this.#at));
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The place of a value that stands here. */
function pathOf(level: Level | undefined, root: JsonPath): JsonPath {
  return level ? level.path.step(level.isObject ? level.name : '*') : root;
}

/** Index of the quote that ends the string which begins here. */
function stringEnd(json: string, open: number): number {
  for (let at = open + 1; at < json.length; at++) {
    const unit = json.charCodeAt(at);
    if (unit === QUOTE) return at;
    if (unit === BACKSLASH) at++;
  }
  throw new SyntaxError('A string without end.');
}
