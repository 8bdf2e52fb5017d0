import { Channel, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import { toolDelta } from './chat-events.ts';
import { JsonEnd } from './json-end.ts';
import { TOOL_CALLS_KEPT_LIMIT_CHARACTERS, TOOL_CALLS_LIMIT } from './limits.ts';
import { isObject, rubbish } from './upstream-error.ts';
import { WholeCharacters } from './whole-characters.ts';

interface Call {
  readonly index: number;
  readonly upstreamIndex: number | undefined;
  readonly id: string;
  type: string;
  name: string;
  /** Text that waits for the name. */
  waiting: string[];
  /** Tells whether the call is complete when the backend does not say where the next one begins. */
  readonly end: JsonEnd;
  readonly characters: WholeCharacters;
  isAnnounced: boolean;
}

/** One entry of `tool_calls`, with what is missing, null or empty as undefined. */
interface Piece {
  readonly index: number | undefined;
  readonly id: string | undefined;
  readonly type: string;
  readonly name: string | undefined;
  readonly text: string;
}

/**
 * The tool calls of one choice, put in order: clients get indexes 0 to N-1, one id a call that never changes, and id,
 * type and name on the first piece only, whatever the backend sends (no id, no index, every index 0, ids repeated).
 */
export class ToolCalls {
  readonly #choice: number;
  readonly #idPrefix: string;
  readonly #calls: Call[] = [];
  #keptCharacters = 0;

  /** `idPrefix` makes ids where the backend sends none; it must be unique to the call of the client. */
  constructor(choice: number, idPrefix: string) {
    this.#choice = choice;
    this.#idPrefix = idPrefix;
  }

  get count(): number {
    return this.#calls.length;
  }

  /** The event for one entry of `tool_calls`, if it brings anything new. `rawArguments` gives the source of arguments that are not text. */
  read(entry: unknown, rawArguments: (member: string, field: string) => string | undefined): ChatEvent | undefined {
    if (!isObject(entry)) throw rubbish('an entry of tool_calls is not an object');
    const piece = pieceOf(entry, rawArguments);
    const call = this.#find(piece) ?? this.#begin(piece);
    const text = call.characters.push(piece.text);
    call.end.push(text);
    if (!call.isAnnounced) return this.#announce(call, piece, text);
    return text === '' ? undefined : toolDelta(this.#choice, Channel.TOOL_ARGUMENTS, text, continuation(call.index));
  }

  /** The choice is over: what was held back of each call's text. A call that never got a name is rubbish. */
  end(): ChatEvent[] {
    if (this.#calls.some((call) => !call.isAnnounced)) throw rubbish('a tool call has no name');
    return this.#calls.flatMap(({ index, characters }) => {
      const rest = characters.end();
      return rest === '' ? [] : [toolDelta(this.#choice, Channel.TOOL_ARGUMENTS, rest, continuation(index))];
    });
  }

  /** Without a name a client can do nothing with the call, so it waits for it. */
  #announce(call: Call, { name, type }: Piece, text: string): ChatEvent | undefined {
    call.type = type;
    if (text !== '') call.waiting.push(text);
    if (name === undefined) {
      this.#keep(text.length);
      return undefined;
    }
    this.#keep(name.length);
    call.name = name;
    call.isAnnounced = true;
    const all = call.waiting.join('');
    this.#keptCharacters -= all.length - text.length;
    call.waiting = [];
    return toolDelta(this.#choice, Channel.TOOL_ARGUMENTS, all, { index: call.index, id: call.id, type, name });
  }

  #keep(characters: number): void {
    this.#keptCharacters += characters;
    if (this.#keptCharacters > TOOL_CALLS_KEPT_LIMIT_CHARACTERS) throw rubbish('the ids, the names and the text without a name of tool calls are longer than allowed');
  }

  #find(piece: Piece): Call | undefined {
    const sameId = piece.id === undefined ? undefined : this.#calls.find(({ id }) => id === piece.id);
    if (sameId) return this.#isOtherCallOfSameId(sameId, piece) ? undefined : sameId;
    const last = piece.index === undefined ? this.#calls.at(-1) : this.#calls.findLast(({ upstreamIndex }) => upstreamIndex === piece.index);
    if (!last || piece.name === undefined || !last.isAnnounced) return last;
    // A name and an id that are new: another call, also under an index that was used before.
    if (piece.id !== undefined || piece.name !== last.name) return undefined;
    // The same name again without an id: the next call if the last is complete, else a backend that repeats the name.
    return last.end.isComplete ? undefined : last;
  }

  #isOtherCallOfSameId(call: Call, piece: Piece): boolean {
    return piece.name !== undefined && piece.index !== undefined && call.upstreamIndex !== undefined && piece.index !== call.upstreamIndex;
  }

  #begin(piece: Piece): Call {
    const index = this.#calls.length;
    if (index >= TOOL_CALLS_LIMIT) throw rubbish('too many tool calls');
    const isFree = piece.id !== undefined && !this.#calls.some(({ id }) => id === piece.id);
    const id = isFree ? piece.id! : `${this.#idPrefix}_${this.#choice}_${index}`;
    const call: Call = { index, upstreamIndex: piece.index, id, type: piece.type, name: '', waiting: [], end: new JsonEnd(), characters: new WholeCharacters(), isAnnounced: false };
    this.#keep(id.length);
    this.#calls.push(call);
    return call;
  }
}

function continuation(index: number): { index: number; id: string; type: string; name: string } {
  return { index, id: '', type: '', name: '' };
}

function pieceOf(entry: Readonly<Record<string, unknown>>, rawArguments: (member: string, field: string) => string | undefined): Piece {
  const isCustom = entry['type'] === 'custom' || isObject(entry['custom']);
  const [member, field] = isCustom ? ['custom', 'input'] : ['function', 'arguments'];
  const body = isObject(entry[member]) ? entry[member] : {};
  const value = body[field];
  const { index } = entry;
  return {
    index: typeof index === 'number' && Number.isSafeInteger(index) ? index : undefined,
    id: textOf(entry['id']),
    type: isCustom ? 'custom' : 'function',
    name: textOf(body['name']),
    text: typeof value === 'string' ? value : value === null || value === undefined ? '' : (rawArguments(member, field) ?? ''),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.toWellFormed() : undefined;
}
