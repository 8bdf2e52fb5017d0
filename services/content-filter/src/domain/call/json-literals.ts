import { beyondLimit, JSON_DEPTH_LIMIT } from './limits.ts';

/** A place in JSON values; what stands in an object or a list there has places of its own. */
export interface JsonPlace<Place> {
  /** The place of the member of this name. */
  member(name: string): Place;
  /** The place that the elements of a list share. */
  readonly elements: Place;
}

/** One name, string or number in a JSON text. */
export interface JsonLiteral<Place> {
  readonly kind: 'name' | 'string' | 'number';
  /** Offsets in the text; of a string, of the opening quote and behind the closing one. */
  readonly start: number;
  readonly end: number;
  /** Where it stands. Of a name, the object that it is of. */
  readonly place: Place;
  /** What it stands for: of a number, its own source. */
  readonly text: string;
  /** Index in the outermost list. */
  readonly index: number;
  /** Which object or list it stands in: each has a number of its own, from 1 on; 0 in none. */
  readonly within: number;
  /** Which object or list that one stands in; 0 in none. */
  readonly around: number;
}

/** A place that is told by all names on the way to it. The same place is the same object in all texts that are read from one root. */
export class JsonPath implements JsonPlace<JsonPath> {
  readonly #members = new Map<string, JsonPath>();
  #elements: JsonPath | undefined;

  member(name: string): JsonPath {
    let next = this.#members.get(name);
    if (!next) this.#members.set(name, (next = new JsonPath()));
    return next;
  }

  get elements(): JsonPath {
    return (this.#elements ??= new JsonPath());
  }
}

interface Level<Place> {
  readonly isObject: boolean;
  readonly place: Place;
  readonly number: number;
  readonly around: number;
  /** The place of the value that is being read. */
  next: Place;
  expectsName: boolean;
}

/**
 * All names, strings and numbers of a JSON text in their order, found in one walk that builds nothing. The text must be
 * valid (it was parsed before); of what is not, they are found as far as it looks like JSON.
 *
 * @param root the place of the whole value
 */
export function* jsonLiterals<Place extends JsonPlace<Place>>(json: string, root: Place): Generator<JsonLiteral<Place>, void> {
  const levels: Level<Place>[] = [];
  let level: Level<Place> | undefined;
  let index = 0;
  let numbers = 0;
  for (let at = 0; at < json.length; at++) {
    const unit = json.charCodeAt(at);
    if (unit === QUOTE) {
      const end = stringEnd(json, at) + 1;
      const text = decodedLiteral(json, at, end);
      if (level?.expectsName) {
        level.expectsName = false;
        level.next = level.place.member(text);
        yield { kind: 'name', start: at, end, place: level.place, text, index, within: level.number, around: level.around };
      } else yield { kind: 'string', start: at, end, place: level?.next ?? root, text, index, within: level?.number ?? 0, around: level?.around ?? 0 };
      at = end - 1;
    } else if (isDigit(unit) || unit === MINUS) {
      const end = numberEnd(json, at);
      yield { kind: 'number', start: at, end, place: level?.next ?? root, text: json.slice(at, end), index, within: level?.number ?? 0, around: level?.around ?? 0 };
      at = end - 1;
    } else if (unit === OPEN_OBJECT || unit === OPEN_ARRAY) {
      if (levels.length >= JSON_DEPTH_LIMIT) throw beyondLimit('what nests so deep');
      const isObject = unit === OPEN_OBJECT;
      const place: Place = level?.next ?? root;
      level = { isObject, place, number: ++numbers, around: level?.number ?? 0, next: isObject ? place : place.elements, expectsName: isObject };
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

/** How many members all objects of a JSON text have together: a parser keeps the last of those that have one name. */
export function memberCount(json: string): number {
  let count = 0;
  for (let at = 0; at < json.length; at++) {
    const unit = json.charCodeAt(at);
    if (unit === QUOTE) at = stringEnd(json, at);
    else if (unit === COLON) count++;
  }
  return count;
}

/**
 * What a reader may see of a number: its source, and the digits of an integer that is written with a point or an
 * exponent, because a program that reads and writes it anew gives those.
 */
export function numberTexts(source: string): readonly string[] {
  if (!/[.eE]/.test(source)) return [source];
  const value = Number(source);
  return Number.isInteger(value) ? [source, String(value)] : [source];
}

/** What a string between quotes stands for. Half of a surrogate pair stays one. */
function decodedLiteral(json: string, start: number, end: number): string {
  const source = json.slice(start + 1, end - 1);
  return source.includes('\\') ? (JSON.parse(`"${source}"`) as string) : source;
}

/** A JSON text with some of its names, strings and numbers written anew as strings; all else is byte for byte the same. */
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
const MINUS = 0x2d;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Index of the quote that ends the string which begins here: the first with an even number of backslashes before it. */
function stringEnd(json: string, open: number): number {
  for (let at = json.indexOf('"', open + 1); at >= 0; at = json.indexOf('"', at + 1)) {
    let before = at - 1;
    while (json.charCodeAt(before) === BACKSLASH) before--;
    if ((at - before) % 2 === 1) return at;
  }
  throw new SyntaxError('A string without end.');
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}

/** Behind the number that begins here. */
function numberEnd(json: string, start: number): number {
  let at = start + 1;
  while (at < json.length && (isDigit(json.charCodeAt(at)) || '+-.eE'.includes(json.charAt(at)))) at++;
  return at;
}
