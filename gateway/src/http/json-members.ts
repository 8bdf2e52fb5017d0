import { isUtf8 } from 'node:buffer';
import { ServiceError } from '@sluice/errors';
import { JSON_DEPTH_LIMIT } from './limits.ts';

/** A JSON object: its parsed value, and for each member the bytes its value was sent as. */
export interface JsonMembers {
  readonly value: Readonly<Record<string, unknown>>;
  /** In the client's order. The bytes are a view of the body. */
  readonly bytes: ReadonlyMap<string, Buffer>;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const NAME_SHOWN_CHARACTERS = 64;

/**
 * Reads a request body that must be a JSON object in UTF-8 (RFC 8259).
 *
 * The scan finds the members and refuses what a parser lets pass or chokes on: nesting beyond the limit, a name twice,
 * half a surrogate pair. It trusts that the grammar holds; `JSON.parse` then checks that it does.
 */
export function readJsonMembers(body: Buffer): JsonMembers {
  if (!isUtf8(body)) throw new ServiceError('invalid_json', 'We could not parse the JSON body of your request: it is not valid UTF-8.');
  const bytes = scan(body);
  const value = parse(body);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ServiceError('invalid_json', 'We could not parse the JSON body of your request: it must be a JSON object.');
  }
  return { value: value as Record<string, unknown>, bytes };
}

/** A name from outside as it may stand in a message, a record or a log line: short, without control characters. */
export function shownName(name: string): string {
  const clean = name.slice(0, NAME_SHOWN_CHARACTERS).replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, '?');
  return name.length > NAME_SHOWN_CHARACTERS ? `${clean}...` : clean;
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new ServiceError('invalid_json', 'We could not parse the JSON body of your request. The body must be one JSON object.');
  }
}

function scan(body: Buffer): Map<string, Buffer> {
  const members = new Map<string, Buffer>();
  let depth = 0;
  let name: string | undefined;
  let nameStart = -1;
  let nameEnd = -1;
  let valueStart = -1;
  const endMember = (end: number): void => {
    if (name === undefined) return;
    members.set(name, trimmed(body, valueStart, end));
    name = undefined;
  };
  for (let at = 0; at < body.length; at++) {
    const byte = body[at]!;
    if (byte === QUOTE) {
      const end = stringEnd(body, at, name);
      if (depth === 1 && name === undefined) {
        nameStart = at;
        nameEnd = end;
      }
      at = end;
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      if (++depth > JSON_DEPTH_LIMIT) throw tooDeep(name);
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      if (--depth === 0) endMember(at);
    } else if (depth !== 1) {
      continue;
    } else if (byte === COLON && name === undefined && nameStart >= 0) {
      name = memberName(body, nameStart, nameEnd);
      if (members.has(name)) throw new ServiceError('invalid_value', `Duplicate parameter: '${shownName(name)}'.`, { param: shownName(name) });
      valueStart = at + 1;
    } else if (byte === COMMA) {
      endMember(at);
      nameStart = -1;
    }
  }
  return members;
}

/** Index of the closing quote; the end of the body when there is none, which `JSON.parse` then refuses. */
function stringEnd(body: Buffer, open: number, member: string | undefined): number {
  for (let at = open + 1; at < body.length; at++) {
    const byte = body[at];
    if (byte === QUOTE) return at;
    if (byte !== BACKSLASH) continue;
    at++;
    if (body[at] === 0x75) at = afterUnicodeEscape(body, at, member);
  }
  return body.length;
}

/** Half a surrogate pair has no UTF-8 form: what is behind us would alter it or fail on it. */
function afterUnicodeEscape(body: Buffer, at: number, member: string | undefined): number {
  const unit = hex4(body, at + 1);
  if (unit < 0xd800 || unit > 0xdfff) return at;
  const next = body[at + 5] === BACKSLASH && body[at + 6] === 0x75 ? hex4(body, at + 7) : -1;
  if (unit < 0xdc00 && next >= 0xdc00 && next <= 0xdfff) return at + 10;
  const shown = member === undefined ? undefined : shownName(member);
  throw new ServiceError(
    'invalid_value',
    `Invalid ${shown === undefined ? 'body' : `'${shown}'`}: a string holds half of a surrogate pair.`,
    shown === undefined ? {} : { param: shown },
  );
}

function hex4(body: Buffer, at: number): number {
  const value = Number.parseInt(body.toString('latin1', at, at + 4), 16);
  return Number.isNaN(value) ? -1 : value;
}

function memberName(body: Buffer, open: number, close: number): string {
  if (!body.subarray(open, close).includes(BACKSLASH)) return body.toString('utf8', open + 1, close);
  return String(parse(body.subarray(open, close + 1)));
}

function trimmed(body: Buffer, start: number, end: number): Buffer {
  let from = start;
  let to = end;
  while (from < to && isSpace(body[from]!)) from++;
  while (to > from && isSpace(body[to - 1]!)) to--;
  return body.subarray(from, to);
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function tooDeep(member: string | undefined): ServiceError {
  const shown = member === undefined ? undefined : shownName(member);
  return new ServiceError('too_deep', `Invalid ${shown === undefined ? 'body' : `'${shown}'`}: nested deeper than ${JSON_DEPTH_LIMIT} levels.`, shown === undefined ? {} : { param: shown });
}
