import { Channel, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import { toolDelta } from './chat-events.ts';
import { TOOL_CALLS_LIMIT } from './limits.ts';
import { isObject, rubbish } from './upstream-error.ts';
import { WholeCharacters } from './whole-characters.ts';

interface Call {
  readonly index: number;
  readonly upstreamIndex: number | undefined;
  readonly id: string;
  type: string;
  name: string;
  /** All text so far: tells whether a call is complete when the backend does not say where the next one begins. */
  text: string;
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
    if (!call.isAnnounced) {
      call.name ||= piece.name ?? '';
      call.type = piece.type;
    }
    const text = call.characters.push(piece.text);
    call.text += text;
    if (call.isAnnounced) return text === '' ? undefined : toolDelta(this.#choice, Channel.TOOL_ARGUMENTS, text, continuation(call.index));
    // Without a name a client can do nothing with the call, so it waits for it.
    if (call.name === '') return undefined;
    call.isAnnounced = true;
    return toolDelta(this.#choice, Channel.TOOL_ARGUMENTS, call.text, { index: call.index, id: call.id, type: call.type, name: call.name });
  }

  /** The choice is over: what was held back of each call's text. A call that never got a name is rubbish. */
  end(): ChatEvent[] {
    if (this.#calls.some((call) => !call.isAnnounced)) throw rubbish('a tool call has no name');
    return this.#calls.flatMap(({ index, characters }) => {
      const rest = characters.end();
      return rest === '' ? [] : [toolDelta(this.#choice, Channel.TOOL_ARGUMENTS, rest, continuation(index))];
    });
  }

  #find(piece: Piece): Call | undefined {
    const sameId = piece.id === undefined ? undefined : this.#calls.find(({ id }) => id === piece.id);
    if (sameId) return this.#isOtherCallOfSameId(sameId, piece) ? undefined : sameId;
    const last = piece.index === undefined ? this.#calls.at(-1) : this.#calls.findLast(({ upstreamIndex }) => upstreamIndex === piece.index);
    if (!last || piece.name === undefined || !last.isAnnounced) return last;
    // A name and an id that are new: another call, also under an index that was used before.
    if (piece.id !== undefined || piece.name !== last.name) return undefined;
    // The same name again without an id: the next call if the last is complete, else a backend that repeats the name.
    return isCompleteJson(last.text) ? undefined : last;
  }

  #isOtherCallOfSameId(call: Call, piece: Piece): boolean {
    return piece.name !== undefined && piece.index !== undefined && call.upstreamIndex !== undefined && piece.index !== call.upstreamIndex;
  }

  #begin(piece: Piece): Call {
    const index = this.#calls.length;
    if (index >= TOOL_CALLS_LIMIT) throw rubbish('too many tool calls');
    const isFree = piece.id !== undefined && !this.#calls.some(({ id }) => id === piece.id);
    const id = isFree ? piece.id! : `${this.#idPrefix}_${this.#choice}_${index}`;
    const call: Call = { index, upstreamIndex: piece.index, id, type: piece.type, name: '', text: '', characters: new WholeCharacters(), isAnnounced: false };
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

function isCompleteJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
