import { ServiceError } from '@sluice/errors';
import type { ChatCall } from '@sluice/proto/chat/v1/chat';
import { CHANNEL } from './contract-numbers.ts';
import type { Hits } from './hits.ts';
import { inputPlaceOf, isSchemaName, isSchemaType, type InputPlace, type TextKind } from './input-places.ts';
import { JoinedParts } from './joined-parts.ts';
import { jsonTextOf } from './json-bytes.ts';
import { decodedLiteral, JsonEdits, jsonLiterals, JsonPath, type JsonLiteral } from './json-literals.ts';
import { JsonText } from './json-text.ts';
import { INPUT_STRINGS_LIMIT } from './limits.ts';
import type { Policy, PolicyRule } from './policy.ts';
import { lookAt } from './whole-text.ts';

const QUOTE = 0x22;
/** Names and types of tools come again and again in one call. */
const REMEMBERED_UNITS = 64;
const REMEMBERED_TEXTS = 4096;

export interface InputOutcome {
  /** The strictest of what was done; undefined when nothing was found. */
  readonly action: PolicyRule['action'] | undefined;
  /** What the model may get, and what a record may keep, also of a call that is blocked (all of it with its masks, the blocked words as they were): the call itself when nothing was masked. */
  readonly call: ChatCall;
  /** The rule that blocks. */
  readonly blockedBy?: PolicyRule;
}

/**
 * Looks at all strings of a call that reach the model. Bytes that no mask replaces stay as the client sent them.
 *
 * Yields after every stretch of text, for others to get their turn; what it yields has no meaning.
 */
export function* filterInput(call: ChatCall, policy: Policy, hits: Hits): Generator<void, InputOutcome> {
  if (!policy.filtersInput) return { action: undefined, call };
  const found: Hits['add'] = (...some) => hits.add(...some);
  const reader = new InputReader(policy, found, new JoinedParts(policy, (matches, index) => found(matches, 'in', { channel: CHANNEL.content, index })));
  const left = yield* readCall(call, reader);
  if (reader.blockedBy !== undefined) {
    // Behind the match that blocks nothing was looked at yet. These hits are those of a call that nobody answers: they are not told.
    const kept = yield* readCall(call, new InputReader(policy.masksAlone, () => undefined, undefined));
    return { action: 'block', call: kept, blockedBy: policy.rule(reader.blockedBy) };
  }
  if (left !== call) return { action: 'mask', call: left };
  return { action: hits.count > 0 ? 'flag' : undefined, call };
}

/** The call as it may go on: the same when nothing of it is masked. */
function* readCall(call: ChatCall, reader: InputReader): Generator<void, ChatCall> {
  const messages = yield* reader.read('messages', call.messages);
  const fields: ChatCall['fields'] = [];
  for (const field of call.fields) {
    const json = yield* reader.read(field.name, field.json);
    fields.push(json === field.json ? field : { ...field, json });
  }
  const isChanged = messages !== call.messages || fields.some((field, index) => field !== call.fields[index]);
  return isChanged ? { ...call, messages, fields } : call;
}

class InputReader {
  /** Index of the rule that blocks. */
  blockedBy: number | undefined;
  readonly #policy: Policy;
  readonly #found: Hits['add'];
  readonly #parts: JoinedParts | undefined;
  readonly #places = new Map<JsonPath, InputPlace>();
  /** Short texts in which nothing was found. */
  readonly #clean = new Set<string>();
  #strings = 0;

  /** @param parts of messages, read together; undefined where nothing can be refused any more */
  constructor(policy: Policy, found: Hits['add'], parts: JoinedParts | undefined) {
    this.#policy = policy;
    this.#found = found;
    this.#parts = parts;
  }

  /** The bytes of one field as they may go on: the same when nothing of it is masked. */
  *read(field: string, json: Uint8Array): Generator<void, Uint8Array> {
    if (this.blockedBy !== undefined || !json.includes(QUOTE)) return json;
    const source = jsonTextOf(json);
    const edits = new JsonEdits(source);
    for (const literal of jsonLiterals(source, new JsonPath(field))) {
      this.#count();
      const place = this.#placeOf(literal.path);
      const kind = literal.isName ? kindOfName(place, literal.name) : place.value;
      if (kind === undefined) continue;
      const text = literal.isName ? literal.name : decodedLiteral(source, literal.start, literal.end);
      const left = kind === 'text' && this.#isKnownClean(text, place) ? text : yield* this.#look(text, kind, place, literal);
      if (this.#parts && this.blockedBy === undefined && place.isTextPart) this.blockedBy = yield* this.#parts.add(text, literal.index);
      if (this.blockedBy !== undefined) return json;
      if (left !== text) edits.replace(literal, left);
    }
    this.blockedBy ??= this.#parts?.end();
    if (this.blockedBy !== undefined) return json;
    return edits.isChanged ? edits.bytes() : json;
  }

  /** What leaves of a text. */
  *#look(text: string, kind: TextKind, { channel }: InputPlace, { index }: JsonLiteral): Generator<void, string> {
    const stream = kind === 'json' ? new JsonText(this.#policy, 'in') : this.#policy.open('in');
    const release = yield* lookAt(stream, text);
    const { blockedBy } = release;
    // What must stay as it is can only be refused: nothing else that was found in it was acted on.
    const matches = kind === 'fixed' ? release.matches.filter(({ rule }) => rule === blockedBy) : release.matches;
    this.#found(matches, 'in', { channel, index: channel === CHANNEL.none ? 0 : index });
    this.blockedBy = blockedBy;
    if (release.matches.length === 0 && release.text === text && kind === 'text') this.#remember(text);
    yield;
    return kind === 'fixed' ? text : release.text;
  }

  #count(): void {
    if (++this.#strings > INPUT_STRINGS_LIMIT) throw new ServiceError('invalid_value', `The request holds more than ${INPUT_STRINGS_LIMIT} strings.`);
  }

  #placeOf(path: JsonPath): InputPlace {
    let place = this.#places.get(path);
    if (!place) this.#places.set(path, (place = inputPlaceOf(path)));
    return place;
  }

  #isKnownClean(text: string, { mayBeSchemaType }: InputPlace): boolean {
    return this.#clean.has(text) || (mayBeSchemaType && isSchemaType(text));
  }

  #remember(text: string): void {
    if (text.length <= REMEMBERED_UNITS && this.#clean.size < REMEMBERED_TEXTS) this.#clean.add(text);
  }
}

function kindOfName({ hasFreeNames }: InputPlace, name: string): TextKind | undefined {
  return hasFreeNames && !isSchemaName(name) ? 'text' : undefined;
}
