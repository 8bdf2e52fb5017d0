import { ServiceError } from '@sluice/errors';
import type { InferTensorContents, ModelInferRequest } from '@sluice/proto/kserve';
import { decodeTensor } from './tensor.ts';

/** The input tensors of one request by name, whether they came raw or typed. */
export class RequestTensors {
  readonly #request: ModelInferRequest;

  /** Throws `invalid_value` when raw and typed contents are mixed, or when raw data are missing. */
  constructor(request: ModelInferRequest) {
    this.#request = request;
    const raw = request.rawInputContents.length;
    if (raw === 0) return;
    if (raw < request.inputs.length) throw new ServiceError('invalid_value', 'There are fewer raw contents than input tensors.', { param: 'raw_input_contents' });
    const mixed = request.inputs.find((input) => input.contents);
    if (mixed) throw new ServiceError('invalid_value', 'Typed contents must not be given together with raw contents.', { param: mixed.name });
  }

  /** Refuses an input that the model does not have: silently ignoring one would change the meaning of the request. */
  expectOnly(names: readonly string[]): void {
    const unknown = this.#request.inputs.find((input) => !names.includes(input.name));
    if (unknown) throw new ServiceError('unknown_parameter', `The model has no input '${unknown.name}'.`, { param: unknown.name });
  }

  bool(name: string): boolean | undefined {
    return this.#one(name, 'BOOL', (raw) => decodeTensor(name, 'BOOL', raw), (contents) => contents.boolContents);
  }

  /** One element of BYTES as UTF-8 text; bytes that are not UTF-8 are refused. */
  text(name: string): string | undefined {
    const bytes = this.#one(name, 'BYTES', (raw) => decodeTensor(name, 'BYTES', raw), (contents) => contents.bytesContents);
    if (bytes === undefined) return undefined;
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (cause) {
      throw new ServiceError('invalid_value', `The tensor '${name}' is not valid UTF-8.`, { param: name, cause });
    }
  }

  #one<T>(name: string, datatype: string, raw: (bytes: Uint8Array) => T[], typed: (contents: InferTensorContents) => T[]): T | undefined {
    const index = this.#request.inputs.findIndex((input) => input.name === name);
    const input = this.#request.inputs[index];
    if (!input) return undefined;
    if (input.datatype !== datatype) throw new ServiceError('invalid_type', `The tensor '${name}' must be of datatype ${datatype}.`, { param: name });
    const bytes = this.#request.rawInputContents[index];
    const elements = bytes ? raw(bytes) : input.contents ? typed(input.contents) : [];
    if (elements.length !== 1) throw new ServiceError('invalid_value', `The tensor '${name}' must have exactly one element.`, { param: name });
    return elements[0];
  }
}
