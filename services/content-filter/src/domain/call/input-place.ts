import type { Channel } from '@sluice/proto/chat/v1/chat';
import type { JsonLiteral, JsonPlace } from './json-literals.ts';

/**
 * How a text of a call is looked at. `json`: JSON in a string. `fixed`: a mask would break it, so that it can only be
 * refused. `address` and `data`: fixed too, unless it is an address or encoded data.
 */
export type TextKind = 'text' | 'json' | 'fixed' | 'address' | 'data';

export interface PlaceFields {
  readonly channel: Channel;
  /** How strings here are looked at; `text` unless it is said. */
  readonly kind?: TextKind;
  /** Strings here that say nothing: the API itself has them. */
  readonly words?: ReadonlySet<string>;
  /** Names that the API itself has in an object here, and the places of their values. */
  readonly members?: ReadonlyMap<string, InputPlace>;
  /** The place of all other values in an object here; unless it is said, they are at this very place. */
  readonly others?: InputPlace;
  /** The place of the elements of a list here; as `others` unless it is said. */
  readonly elements?: InputPlace;
  /** The text of a part of a message's content that is of this type: the model reads the parts of one message one behind the other. */
  readonly textOf?: 'text' | 'refusal';
  /** The type of such a part. */
  readonly isTypeOfPart?: boolean;
  /** A number of the sampler, in a range that is checked before: no text for the model. */
  readonly isParameter?: boolean;
}

/** The longest number of a parameter in use: 2^31 has 10 digits. Longer ones may be somebody's. */
const PARAMETER_UNITS = 10;

/** What is known of a value of a call by where it stands. Places are made once, and the same for all calls. */
export class InputPlace implements JsonPlace<InputPlace> {
  readonly channel: Channel;
  readonly elements: InputPlace;
  readonly textOf: 'text' | 'refusal' | undefined;
  readonly isTypeOfPart: boolean;
  readonly #kind: TextKind;
  readonly #words: ReadonlySet<string> | undefined;
  readonly #members: ReadonlyMap<string, InputPlace> | undefined;
  readonly #others: InputPlace;
  readonly #isParameter: boolean;

  constructor({ channel, kind = 'text', words, members, others, elements, textOf, isTypeOfPart = false, isParameter = false }: PlaceFields) {
    this.channel = channel;
    this.textOf = textOf;
    this.isTypeOfPart = isTypeOfPart;
    this.#kind = kind;
    this.#words = words;
    this.#members = members;
    this.#others = others ?? this;
    this.elements = elements ?? this.#others;
    this.#isParameter = isParameter;
  }

  member(name: string): InputPlace {
    return this.#members?.get(name) ?? this.#others;
  }

  /** How a name, a string or a number here is looked at; undefined when it says nothing. */
  kindOf(kind: JsonLiteral<InputPlace>['kind'], text: string): TextKind | undefined {
    if (this.#isParameter) return text.length <= PARAMETER_UNITS && (kind === 'number' || /^\d+$/.test(text)) ? undefined : 'fixed';
    if (kind === 'number') return 'fixed';
    if (kind === 'name') return this.#members?.has(text) ? undefined : 'text';
    return this.#words?.has(text) ? undefined : this.#kind;
  }
}
