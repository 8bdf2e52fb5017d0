import type { Delta } from '@sluice/proto/chat/v1/chat';
import { JSON_DEPTH_LIMIT } from './limits.ts';
import { CHANNEL } from './contract-numbers.ts';
import { jsonTextOf } from './json-bytes.ts';

/** Between texts that are looked at in one go: more than a rule reads across. */
const SEPARATOR = '\n'.repeat(16);

/**
 * What the log-probabilities of a piece tell beside that piece: their alternatives, and any other string, as one text in
 * which no rule may find anything. Undefined when their tokens do not stand in the text of the piece: what spells
 * something else (the token of a later piece, a part of a character) would let out what the text is held or masked for.
 */
export function textBeside({ channel, text, logprobsJson }: Delta): string | undefined {
  const value = parsed(logprobsJson);
  if (!isObject(value)) return undefined;
  const others: string[] = [];
  const tokens = new TokenReader(text);
  const own = channel === CHANNEL.refusal ? 'refusal' : 'content';
  for (const [name, member] of Object.entries(value)) {
    if (name !== own || !Array.isArray(member)) collect(member, others, 0);
    else for (const entry of member as unknown[]) if (!tokens.read(entry, others)) return undefined;
  }
  return others.join(SEPARATOR);
}

/** Follows the text of a piece token by token. */
class TokenReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** False when the token is not the next in the text. */
  read(entry: unknown, others: string[]): boolean {
    if (!isObject(entry)) return false;
    const { token, bytes, ...rest } = entry;
    if (typeof token !== 'string' || !spells(bytes, token)) return false;
    collect(rest, others, 0);
    // A part of a character shows as U+FFFD, and engines differ about the space before a word.
    for (const part of token.split('\uFFFD')) {
      const found = this.#text.indexOf(part.trim(), this.#at);
      if (found < 0) return false;
      this.#at = found + part.trim().length;
    }
    return true;
  }
}

/** Alternatives have bytes too. */
function collect(value: unknown, into: string[], depth: number): void {
  if (typeof value === 'string') into.push(value);
  if (typeof value !== 'object' || value === null) return;
  if (depth > JSON_DEPTH_LIMIT) throw new RangeError('Log-probabilities nest too deep.');
  if (isObject(value) && value['bytes'] !== undefined && !spells(value['bytes'], value['token'])) into.push(textOfBytes(value['bytes']));
  for (const member of Object.values(value)) collect(member, into, depth + 1);
}

function spells(bytes: unknown, token: unknown): boolean {
  if (bytes === null || bytes === undefined) return true;
  return Array.isArray(bytes) && typeof token === 'string' && Buffer.from(token).equals(Buffer.from(bytes as number[]));
}

function textOfBytes(bytes: unknown): string {
  return Array.isArray(bytes) ? Buffer.from(bytes as number[]).toString() : '';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parsed(json: Uint8Array): unknown {
  try {
    return JSON.parse(jsonTextOf(json));
  } catch {
    return undefined;
  }
}
