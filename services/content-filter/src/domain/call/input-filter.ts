import { ServiceError } from '@sluice/errors';
import type { ChatCall } from '@sluice/proto/chat/v1/chat';
import { CleanTexts } from './clean-texts.ts';
import { CHANNEL } from './contract-numbers.ts';
import type { Hits } from './hits.ts';
import type { InputPlace, TextKind } from './input-place.ts';
import { FIELDS } from './input-places.ts';
import { jsonTextOf } from './json-bytes.ts';
import { JsonEdits, jsonLiterals, numberTexts, type JsonLiteral } from './json-literals.ts';
import { JsonText } from './json-text.ts';
import { INPUT_TEXTS_LIMIT } from './limits.ts';
import { textOfAddress, textOfData } from './media-text.ts';
import { MessageParts } from './message-parts.ts';
import type { Policy, PolicyRule, TextMatch } from './policy.ts';
import { lookAt } from './whole-text.ts';

export interface InputOutcome {
  /** The strictest of what was done; undefined when nothing was found. */
  readonly action: PolicyRule['action'] | undefined;
  /**
   * What the model may get, and what a record may keep, also of a call that is blocked (all of it with its masks, the blocked words as they were): the
   * call itself when nothing was masked. Undefined for one that is blocked and cannot be looked at to its end: nothing of it may be kept.
   */
  readonly call: ChatCall | undefined;
  /** The rule that blocks. */
  readonly blockedBy?: PolicyRule;
}

/**
 * Looks at all names, strings and numbers of a call, but those that say nothing where they stand. Bytes that no mask
 * replaces stay as the client sent them; what would be masked and cannot be is refused.
 *
 * Yields after every stretch of text, for others to get their turn; what it yields has no meaning.
 *
 * @param begins told the name of what is looked at next: `messages`, or a field
 */
export function* filterInput(call: ChatCall, policy: Policy, hits: Hits, begins: (field: string) => void = () => undefined): Generator<void, InputOutcome> {
  if (!policy.filtersInput) return { action: undefined, call };
  const reader = new InputReader(policy, (...some) => hits.add(...some));
  const left = yield* readCall(call, reader, begins);
  if (reader.blockedBy !== undefined) return { action: 'block', call: yield* keptOf(call, policy.masksAlone), blockedBy: policy.rule(reader.blockedBy) };
  if (left !== call) return { action: 'mask', call: left };
  return { action: hits.count > 0 ? 'flag' : undefined, call };
}

/**
 * What may be kept of a call that is blocked: behind the match that blocks nothing was looked at yet. These hits are those of a call that nobody answers: they
 * are not told. Undefined when it cannot be looked at to its end: that is no reason to tell the client anything else than that it is blocked.
 */
function* keptOf(call: ChatCall, masks: Policy): Generator<void, ChatCall | undefined> {
  try {
    return yield* readCall(call, new InputReader(masks, undefined), () => undefined);
  } catch (thrown) {
    if (thrown instanceof ServiceError) return undefined;
    throw thrown;
  }
}

/** The call as it may go on: the same when nothing of it is masked. */
function* readCall(call: ChatCall, reader: InputReader, begins: (field: string) => void): Generator<void, ChatCall> {
  begins('messages');
  const messages = yield* reader.read('messages', call.messages);
  const fields: ChatCall['fields'] = [];
  for (const field of call.fields) {
    begins(field.name);
    const json = yield* reader.read(field.name, field.json);
    fields.push(json === field.json ? field : { ...field, json });
  }
  const isChanged = messages !== call.messages || fields.some((field, index) => field !== call.fields[index]);
  return isChanged ? { ...call, messages, fields } : call;
}

/** Where a text stands. */
type Standing = Pick<JsonLiteral<InputPlace>, 'place' | 'index'>;

/** What becomes of a name, a string or a number. */
interface Left {
  readonly literal: JsonLiteral<InputPlace>;
  readonly text: string;
  readonly isPart: boolean;
}

class InputReader {
  /** Index of the rule that blocks. */
  blockedBy: number | undefined;
  readonly #policy: Policy;
  readonly #found: Hits['add'] | undefined;
  readonly #clean = new CleanTexts();
  readonly #cleanBeside: Pick<CleanTexts, 'has' | 'add'>;
  /** What the text that was looked at last has shown. */
  #shown: readonly TextMatch[] = [];
  #count = 0;

  /** @param found undefined for what is only kept: nothing is told or refused any more, and of parts that show together what a mask would hide all is hidden */
  constructor(policy: Policy, found: Hits['add'] | undefined) {
    this.#policy = policy;
    this.#cleanBeside = policy.recurring?.in ?? this.#clean;
    this.#found = found;
  }

  /** The bytes of one field as they may go on: the same when nothing of it is masked. */
  *read(field: string, json: Uint8Array): Generator<void, Uint8Array> {
    if (this.blockedBy !== undefined) return json;
    // The gateway knows all fields by name; one that is not known here is looked at all the same.
    if (FIELDS.kindOf('name', field) !== undefined) yield* this.#look(field, 'fixed', { place: FIELDS, index: 0 });
    if (this.blockedBy !== undefined) return json;
    const source = jsonTextOf(json);
    const place = FIELDS.member(field);
    const changed: Left[] = [];
    const cut = new Set<number>();
    const parts = new MessageParts(this.#policy, (matches, index) => this.#foundTogether(matches, { place, index }, cut));
    for (const literal of jsonLiterals(source, place)) {
      if (++this.#count > INPUT_TEXTS_LIMIT) throw new ServiceError('invalid_value', `The request holds more than ${INPUT_TEXTS_LIMIT} names, strings and numbers.`);
      if (literal.place.isTypeOfPart && literal.kind === 'string') parts.type(literal.text, literal.within);
      const kind = literal.place.kindOf(literal.kind, literal.text);
      if (kind === undefined) continue;
      const text = yield* this.#leftOf(literal, kind);
      const { textOf } = literal.place;
      const isPart = textOf !== undefined;
      if (isPart && this.blockedBy === undefined) this.#refuse(yield* parts.add({ text: literal.text, alone: this.#shown, type: textOf, part: literal.within, list: literal.around }, literal.index));
      if (this.blockedBy !== undefined) return json;
      if (text !== literal.text || (isPart && !this.#found)) changed.push({ literal, text, isPart });
    }
    this.#refuse(yield* parts.end());
    return this.blockedBy === undefined ? this.#edited(json, source, changed, cut) : json;
  }

  #refuse(rule: number | undefined): void {
    if (this.#found) this.blockedBy ??= rule;
  }

  #foundTogether(matches: readonly TextMatch[], { place: { channel }, index }: Standing, cut: Set<number>): void {
    if (this.#found) this.#found(matches, 'in', { channel, index });
    else if (matches.some(({ rule }) => this.#actionOf(rule) === 'mask')) cut.add(index);
  }

  #edited(json: Uint8Array, source: string, changed: readonly Left[], cut: ReadonlySet<number>): Uint8Array {
    const edits = new JsonEdits(source);
    for (const { literal, text, isPart } of changed) {
      const left = isPart && cut.has(literal.index) ? '*'.repeat(literal.text.length) : text;
      if (left !== literal.text) edits.replace(literal, left);
    }
    return edits.isChanged ? edits.bytes() : json;
  }

  /** What may go on for a name, a string or a number. */
  *#leftOf(literal: JsonLiteral<InputPlace>, kind: TextKind): Generator<void, string> {
    const { text } = literal;
    if (kind === 'address' || kind === 'data') {
      const said = kind === 'data' ? textOfData(text) : textOfAddress(text);
      return said === '' ? text : (yield* this.#look(said, 'fixed', literal)) + text.slice(said.length);
    }
    if (literal.kind !== 'number') return yield* this.#look(text, kind, literal);
    for (const digits of numberTexts(text)) {
      const left = yield* this.#look(digits, kind, literal);
      if (left !== digits) return left;
    }
    return text;
  }

  /** What leaves of a text. */
  *#look(text: string, kind: TextKind, { place: { channel }, index }: Standing): Generator<void, string> {
    this.#shown = [];
    const clean = channel === CHANNEL.none ? this.#cleanBeside : this.#clean;
    if (kind !== 'json' && clean.has(text)) return text;
    const stream = kind === 'json' ? new JsonText(this.#policy, 'in') : this.#policy.open('in');
    const release = yield* lookAt(stream, text);
    this.#shown = release.matches;
    // What must stay as it is can only be refused; in what is only kept it is masked as well.
    const refusedBy = release.blockedBy ?? (kind === 'fixed' && this.#found ? release.matches.find(({ rule }) => this.#actionOf(rule) === 'mask')?.rule : undefined);
    const isTold = (rule: number): boolean => rule === refusedBy || this.#actionOf(rule) === 'flag' || kind !== 'fixed';
    this.#found?.(release.matches.filter(({ rule }) => isTold(rule)), 'in', { channel, index: channel === CHANNEL.none ? 0 : index });
    this.blockedBy ??= refusedBy;
    if (release.matches.length === 0 && kind !== 'json') clean.add(text);
    yield;
    return release.text;
  }

  #actionOf(rule: number): PolicyRule['action'] {
    return this.#policy.rule(rule).action;
  }
}
