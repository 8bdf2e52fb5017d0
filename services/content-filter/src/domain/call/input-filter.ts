import { ServiceError } from '@sluice/errors';
import { Channel, type ChatCall } from '@sluice/proto/chat/v1/chat';
import type { Hits, Place } from './hits.ts';
import { inputChannelOf, isTextPart, textKindOf } from './input-places.ts';
import { jsonTextOf } from './json-bytes.ts';
import { decodedLiteral, JsonEdits, jsonLiterals, type JsonLiteral } from './json-literals.ts';
import { JsonText } from './json-text.ts';
import { INPUT_STRINGS_LIMIT, INPUT_TURN_UNITS } from './limits.ts';
import { JoinedParts } from './joined-parts.ts';
import type { Policy, PolicyRule } from './policy.ts';
import { lookAt } from './whole-text.ts';

export interface InputOutcome {
  /** The strictest of what was done; undefined when nothing was found. */
  readonly action: PolicyRule['action'] | undefined;
  /** What the model may get: the call itself when nothing was masked. Not to be used of one that is blocked. */
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
  const reader = new InputReader(policy, hits);
  const messages = yield* reader.read('messages', call.messages);
  const fields: ChatCall['fields'] = [];
  for (const field of call.fields) {
    const json = yield* reader.read(field.name, field.json);
    fields.push(json === field.json ? field : { ...field, json });
  }
  if (reader.blockedBy !== undefined) return { action: 'block', call, blockedBy: policy.rule(reader.blockedBy) };
  const isChanged = messages !== call.messages || fields.some((field, index) => field !== call.fields[index]);
  if (isChanged) return { action: 'mask', call: { ...call, messages, fields } };
  return { action: hits.count > 0 ? 'flag' : undefined, call };
}

class InputReader {
  readonly #policy: Policy;
  readonly #hits: Hits;
  #strings = 0;
  #unitsInTurn = 0;
  /** Index of the rule that blocks. */
  blockedBy: number | undefined;

  constructor(policy: Policy, hits: Hits) {
    this.#policy = policy;
    this.#hits = hits;
  }

  /** The bytes of one field as they may go on: the same when nothing of it is masked. */
  *read(field: string, json: Uint8Array): Generator<void, Uint8Array> {
    if (this.blockedBy !== undefined || !json.includes(QUOTE)) return json;
    const source = jsonTextOf(json);
    const edits = new JsonEdits(source);
    const parts = new JoinedParts(this.#policy, (matches, index) => this.#hits.add(matches, 'in', { channel: Channel.CONTENT, index }));
    for (const literal of jsonLiterals(source, field)) {
      if (++this.#strings > INPUT_STRINGS_LIMIT) throw new ServiceError('invalid_value', `Invalid '${field === 'messages' ? field : 'body'}': more than ${INPUT_STRINGS_LIMIT} strings.`);
      const text = (): string => decodedLiteral(source, literal.start, literal.end);
      const kind = textKindOf(literal, text);
      if (kind === undefined) continue;
      const said = text();
      const masked = yield* this.#look(said, kind, placeOf(literal));
      if (this.blockedBy === undefined && !literal.isName && isTextPart(literal.path)) this.blockedBy = parts.add(said, literal.index);
      if (this.blockedBy !== undefined) return json;
      if (masked !== undefined) edits.replace(literal, masked);
    }
    return edits.isChanged ? edits.bytes() : json;
  }

  /** What stands for the text; undefined when it may stay. */
  *#look(text: string, kind: 'text' | 'json', place: Place): Generator<void, string | undefined> {
    const stream = kind === 'json' ? new JsonText(this.#policy, 'in') : this.#policy.open('in');
    const looked = lookAt(stream, text);
    let step = looked.next();
    while (!step.done) {
      yield* this.#turn(INPUT_TURN_UNITS);
      step = looked.next();
    }
    yield* this.#turn(text.length % INPUT_TURN_UNITS);
    const { matches, blockedBy, text: left } = step.value;
    this.#hits.add(matches, 'in', place);
    this.blockedBy = blockedBy;
    return left === text ? undefined : left;
  }

  *#turn(units: number): Generator<void, void> {
    this.#unitsInTurn += units;
    if (this.#unitsInTurn < INPUT_TURN_UNITS) return;
    this.#unitsInTurn = 0;
    yield;
  }
}

function placeOf({ path, index }: JsonLiteral): Place {
  const channel = inputChannelOf(path);
  return { channel, index: channel === Channel.UNSPECIFIED ? 0 : index };
}

const QUOTE = 0x22;
