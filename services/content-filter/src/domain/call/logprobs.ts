import type { Delta } from '@sluice/proto/chat/v1/chat';
import { CHANNEL } from './contract-numbers.ts';
import { jsonTextOf } from './json-bytes.ts';
import { memberCount } from './json-literals.ts';
import { JSON_DEPTH_LIMIT } from './limits.ts';
import { OUTPUT_NAMES } from './output-names.ts';

/** Between texts that are looked at in one go: more than a rule reads across. */
const SEPARATOR = '\n'.repeat(16);

/** No probability has as many digits before its point; from 10^21 on a number is not written with digits alone. */
const DIGITS_FROM = 1e10;
const DIGITS_BELOW = 1e21;

/**
 * What the log-probabilities of a piece tell beside that piece: their alternatives, any other string, and every name that
 * is not the API's, as one text in which no rule may find anything. Undefined when they cannot be told so: when a number
 * in them is none of a probability, when a member stands there twice, of which a parser hides one, or when their tokens
 * do not stand in the text of the piece: what spells something else (the token of a later piece, a part of a character)
 * would let out what the text is held or masked for.
 */
export function textBeside({ channel, text, logprobsJson }: Delta): string | undefined {
  const source = jsonTextOf(logprobsJson);
  const value = parsed(source);
  if (!isObject(value)) return undefined;
  const others = new Others();
  const tokens = new TokenReader(text, others);
  const own = channel === CHANNEL.refusal ? 'refusal' : 'content';
  for (const [name, member] of others.membersOf(value)) {
    if (name !== own || !Array.isArray(member)) others.add(member, 0);
    else for (const entry of member as unknown[]) if (!tokens.read(entry)) return undefined;
  }
  return others.hasForeignNumber || others.members !== memberCount(source) ? undefined : others.texts.join(SEPARATOR);
}

/** Follows the text of a piece token by token. */
class TokenReader {
  readonly #text: string;
  readonly #others: Others;
  #at = 0;

  constructor(text: string, others: Others) {
    this.#text = text;
    this.#others = others;
  }

  /** False when the token is not the next in the text. */
  read(entry: unknown): boolean {
    if (!isObject(entry)) return false;
    const { token, bytes } = entry;
    if (typeof token !== 'string' || !spells(bytes, token)) return false;
    for (const [name, member] of this.#others.membersOf(entry)) if (name !== 'token' && name !== 'bytes') this.#others.add(member, 1);
    // A part of a character shows as U+FFFD, and engines differ about the space before a word.
    for (const part of token.split('\uFFFD')) {
      const found = this.#text.indexOf(part.trim(), this.#at);
      if (found < 0) return false;
      this.#at = found + part.trim().length;
    }
    return true;
  }
}

/** What stands beside the tokens. */
class Others {
  readonly texts: string[] = [];
  /** Members of all objects that were seen. */
  members = 0;
  hasForeignNumber = false;

  add(value: unknown, depth: number): void {
    if (typeof value === 'string') this.texts.push(value);
    if (typeof value === 'number') this.hasForeignNumber ||= Math.abs(value) >= DIGITS_FROM && Math.abs(value) < DIGITS_BELOW;
    if (typeof value !== 'object' || value === null) return;
    if (depth > JSON_DEPTH_LIMIT) throw new RangeError('Log-probabilities nest too deep.');
    if (!isObject(value)) {
      for (const element of value as unknown[]) this.add(element, depth + 1);
      return;
    }
    // Alternatives have bytes too.
    if (value['bytes'] !== undefined && !spells(value['bytes'], value['token'])) this.texts.push(textOfBytes(value['bytes']));
    for (const [, member] of this.membersOf(value)) this.add(member, depth + 1);
  }

  /** Of an object, whose names are told with all else. */
  membersOf(value: Readonly<Record<string, unknown>>): [string, unknown][] {
    const members = Object.entries(value);
    this.members += members.length;
    for (const [name] of members) if (!OUTPUT_NAMES.has(name)) this.texts.push(name);
    return members;
  }
}

function spells(bytes: unknown, token: unknown): boolean {
  if (bytes === null || bytes === undefined) return true;
  return Array.isArray(bytes) && bytes.every(Number.isInteger) && typeof token === 'string' && Buffer.from(token).equals(Buffer.from(bytes as number[]));
}

function textOfBytes(bytes: unknown): string {
  return Array.isArray(bytes) ? Buffer.from(bytes as number[]).toString() : '';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parsed(source: string): unknown {
  try {
    return JSON.parse(source);
  } catch {
    return undefined;
  }
}
