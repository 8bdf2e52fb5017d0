import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import { InferParameterSchema, ModelInferRequestSchema, ModelInferResponseSchema, type InferParameter } from '@sluice/proto/kserve';
import { countBytesElements } from './raw-tensors.ts';
import { decodeTensor, encodeTensor } from './tensor.ts';

/** Texts of one message that rules can look at: each is a choice of the filter, which has room for 2,048. */
export const TEXTS_LIMIT = 2_000;

interface Part {
  readonly name: string;
  readonly datatype: string;
  readonly parameters: Record<string, InferParameter>;
}

interface Parts {
  readonly parameters: Record<string, InferParameter>;
  readonly tensors: readonly Part[];
  /** Asked for by their names; of a request alone. */
  readonly asked: readonly Pick<Part, 'parameters'>[];
  /** Written anew where a text of them is. */
  readonly raw: Uint8Array[];
}

/**
 * The texts of a message of tensors, each with the place that it stands in: every element of tensors of BYTES, every
 * parameter that is text, and the names of all parameters. Bytes that are no UTF-8 are shown with U+FFFD in their places.
 */
export class TensorTexts {
  /** Counted without a look at them. */
  readonly count: number;
  #texts: readonly string[] | undefined;
  readonly #parts: Parts;
  readonly #encode: () => Uint8Array;

  private constructor(parts: Parts, encode: () => Uint8Array) {
    this.#parts = parts;
    this.#encode = encode;
    const elements = parts.tensors.reduce((sum, { name, datatype }, at) => sum + (datatype === 'BYTES' ? countBytesElements(name, parts.raw[at]!) : 0), 0);
    this.count = elements + [...this.#words()].length + this.#names().length;
  }

  /** @throws ServiceError `invalid_value` where there are more than rules can look at */
  requireFew(): void {
    if (this.count > TEXTS_LIMIT) throw new ServiceError('invalid_value', `The tensors have more than ${TEXTS_LIMIT} texts, which is more than the rules of your organisation can look at: ask with a smaller batch.`, { param: 'inputs' });
  }

  /** @throws ServiceError as `requireFew` */
  get texts(): readonly string[] {
    this.requireFew();
    return (this.#texts ??= [...this.#elements()].map((element) => Buffer.from(element.buffer, element.byteOffset, element.byteLength).toString()).concat([...this.#words()].map(({ text }) => text), this.#names()));
  }

  /** @param encoded a ModelInferRequest, all data of which are raw */
  static ofRequest(encoded: Uint8Array): TensorTexts {
    const message = fromBinary(ModelInferRequestSchema, encoded);
    const parts = { parameters: message.parameters, tensors: message.inputs, asked: message.outputs, raw: message.rawInputContents };
    return new TensorTexts(parts, () => toBinary(ModelInferRequestSchema, message));
  }

  /** @param encoded a ModelInferResponse, all data of which are raw */
  static ofResponse(encoded: Uint8Array): TensorTexts {
    const message = fromBinary(ModelInferResponseSchema, encoded);
    const parts = { parameters: message.parameters, tensors: message.outputs, asked: [], raw: message.rawOutputContents };
    return new TensorTexts(parts, () => toBinary(ModelInferResponseSchema, message));
  }

  /**
   * The message with these texts in place of its own. May be called once.
   *
   * @throws ServiceError `content_policy_violation` where a name is another one, or a text whose bytes were no text: what became of them would be no such data any more
   */
  replaced(texts: readonly string[]): Uint8Array {
    if (texts.length !== this.texts.length) throw new RangeError('there must be a text for each');
    if (texts.every((text, at) => text === this.texts[at])) return this.#encode();
    const names = this.#names().length;
    if (names > 0 && texts.slice(-names).some((name, index) => name !== this.texts.at(index - names))) throw new ServiceError('content_policy_violation', 'A rule of your organisation would change the name of a parameter.', { param: 'parameters' });
    let at = 0;
    const { raw, tensors } = this.#parts;
    for (const [index, { name, datatype }] of tensors.entries()) {
      if (datatype !== 'BYTES') continue;
      const elements = decodeTensor(name, 'BYTES', raw[index]!).map((element) => this.#element(element, this.texts[at]!, texts[at++]!));
      raw[index] = encodeTensor('BYTES', elements);
    }
    for (const { parameters, name } of this.#words()) parameters[name] = create(InferParameterSchema, { parameterChoice: { case: 'stringParam', value: texts[at++]! } });
    return this.#encode();
  }

  #element(element: Uint8Array, was: string, is: string): Uint8Array {
    if (was === is) return element;
    if (!Buffer.from(was).equals(element)) throw new ServiceError('content_policy_violation', 'A rule of your organisation would change a part of binary data.', { param: 'inputs' });
    return Buffer.from(is);
  }

  *#elements(): Generator<Uint8Array> {
    const { raw, tensors } = this.#parts;
    for (const [index, { name, datatype }] of tensors.entries()) if (datatype === 'BYTES') yield* decodeTensor(name, 'BYTES', raw[index]!);
  }

  get #parameters(): readonly Record<string, InferParameter>[] {
    const { parameters, tensors, asked } = this.#parts;
    return [parameters, ...tensors.map((each) => each.parameters), ...asked.map((each) => each.parameters)];
  }

  /** A model reads them as it reads their values. */
  #names(): string[] {
    return this.#parameters.flatMap((each) => Object.keys(each));
  }

  *#words(): Generator<{ readonly parameters: Record<string, InferParameter>; readonly name: string; readonly text: string }> {
    for (const parameters of this.#parameters) {
      for (const [name, { parameterChoice: choice }] of Object.entries(parameters)) if (choice.case === 'stringParam') yield { parameters, name, text: choice.value };
    }
  }
}
