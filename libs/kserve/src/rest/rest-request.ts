import { create } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import { InferParameterSchema, ModelInferRequestSchema, type InferParameter, type ModelInferRequest } from '@sluice/proto/kserve';
import { elementBytes, elementCount, invalidTensor, rawTensors, TENSORS_LIMIT } from '../raw-tensors.ts';
import { dataFromJson } from './tensor-json.ts';
import { wideInteger, withWideIntegers } from './wide-integer.ts';

/** Which outputs a client wants as binary data behind the JSON. */
export interface WantedBinary {
  readonly byDefault: boolean;
  readonly named: ReadonlyMap<string, boolean>;
}

export interface RestRequest {
  readonly request: ModelInferRequest;
  readonly wanted: WantedBinary;
}

/** The longest id of a request: it is kept and given back. */
export const ID_LIMIT_CHARACTERS = 128;
const NAME_LIMIT_CHARACTERS = 256;
const PARAMETERS_LIMIT = 32;
const PARAMETER_LIMIT_CHARACTERS = 1024;
/** Numbers in JSON are read one by one in one turn of the event loop, at some 70 ms a megabyte. What is larger comes as binary data. */
const JSON_LIMIT_BYTES = 1024 * 1024;

/**
 * A request of KServe v2 over HTTP (`POST /v2/models/{name}/infer`), with the binary tensor data extension, as the message
 * that it is over gRPC. Model and version are the caller's to set.
 *
 * @param jsonBytes of `Inference-Header-Content-Length`: how long the JSON is, with binary data behind it; undefined: all of the body
 * @param limitBytes of all tensors together: JSON may write in two bytes what takes eight
 * @throws ServiceError `invalid_json`, `invalid_type`, `invalid_value`, `missing_required_parameter`, `request_too_large`
 */
export function readRestRequest(body: Uint8Array, jsonBytes: number | undefined, limitBytes: number): RestRequest {
  const length = jsonBytes ?? body.length;
  if (!Number.isInteger(length) || length < 0 || length > body.length) throw new ServiceError('invalid_value', "'Inference-Header-Content-Length' must be the length of the JSON at the beginning of the body.", { param: 'Inference-Header-Content-Length' });
  if (length > JSON_LIMIT_BYTES) throw new ServiceError('request_too_large', `The JSON of a request must have at most ${JSON_LIMIT_BYTES} bytes: send large tensors as binary data.`);
  const json = objectOf(parse(body.subarray(0, length)), 'the request');
  const binary = new BinaryData(body.subarray(length));
  let total = 0;
  const inputs = listOf(json['inputs'], 'inputs').map((each) => {
    const input = readInput(each, binary, limitBytes - total);
    total += input.raw.length;
    return input;
  });
  if (inputs.length === 0) throw new ServiceError('missing_required_parameter', 'The request has no inputs.', { param: 'inputs' });
  binary.end();
  const parameters = parametersOf(json['parameters'], 'parameters');
  const outputs = json['outputs'] === undefined ? [] : listOf(json['outputs'], 'outputs').map(readOutput);
  const wanted = { byDefault: takeFlag(parameters, 'binary_data_output') ?? false, named: new Map(outputs.flatMap(({ name, binary: wants }) => (wants === undefined ? [] : [[name, wants] as const]))) };
  const request = create(ModelInferRequestSchema, {
    id: json['id'] === undefined ? '' : textOf(json['id'], 'id', ID_LIMIT_CHARACTERS),
    parameters,
    inputs: inputs.map(({ name, datatype, shape, parameters: own }) => ({ name, datatype, shape: [...shape], parameters: own })),
    outputs: outputs.map(({ name, parameters: own }) => ({ name, parameters: own })),
    rawInputContents: inputs.map(({ raw }) => raw),
  });
  rawTensors(request.inputs, request.rawInputContents);
  return { request, wanted };
}

/** Names of the outputs that a client wants as JSON; empty: all that the model gives; undefined: none. */
export function jsonOutputsOf({ request: { outputs }, wanted: { byDefault, named } }: RestRequest): readonly string[] | undefined {
  const names = outputs.map(({ name }) => name).filter((name) => !(named.get(name) ?? byDefault));
  return names.length > 0 || (outputs.length === 0 && !byDefault) ? names : undefined;
}

interface Input {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly bigint[];
  readonly parameters: Record<string, InferParameter>;
  readonly raw: Uint8Array;
}

function readInput(given: unknown, binary: BinaryData, roomBytes: number): Input {
  const json = objectOf(given, 'an input');
  const name = textOf(json['name'], 'name of an input', NAME_LIMIT_CHARACTERS);
  const datatype = textOf(json['datatype'], `datatype of '${name}'`, NAME_LIMIT_CHARACTERS);
  const shape = listOf(json['shape'], `shape of '${name}'`).map((dimension) => {
    if (typeof dimension !== 'number' || !Number.isSafeInteger(dimension)) throw invalidTensor(name, 'has a dimension that is no number');
    return BigInt(dimension);
  });
  const parameters = parametersOf(json['parameters'], `parameters of '${name}'`);
  const size = takeNumber(parameters, 'binary_data_size');
  if ((size === undefined) === (json['data'] === undefined)) throw invalidTensor(name, "must have either 'data' or the parameter 'binary_data_size'");
  const count = elementCount(name, shape);
  if (count * (elementBytes(name, datatype) ?? 1) > roomBytes) throw tooLarge();
  const raw = size === undefined ? dataFromJson(name, datatype, listOf(json['data'], `data of '${name}'`, Infinity), count, shape.length) : binary.take(name, size);
  if (raw.length > roomBytes) throw tooLarge();
  return { name, datatype, shape, parameters, raw };
}

function readOutput(given: unknown): { readonly name: string; readonly parameters: Record<string, InferParameter>; readonly binary: boolean | undefined } {
  const json = objectOf(given, 'an output');
  const name = textOf(json['name'], 'name of an output', NAME_LIMIT_CHARACTERS);
  const parameters = parametersOf(json['parameters'], `parameters of '${name}'`);
  return { name, binary: takeFlag(parameters, 'binary_data'), parameters };
}

/** What stands behind the JSON, taken in the order of the inputs. */
class BinaryData {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(name: string, size: number): Uint8Array {
    const end = this.#at + size;
    if (size < 0 || end > this.#bytes.length) throw invalidTensor(name, `announces ${size} bytes of binary data, and the body has ${this.#bytes.length - this.#at}`);
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  end(): void {
    if (this.#at < this.#bytes.length) throw new ServiceError('invalid_value', `The body has ${this.#bytes.length - this.#at} bytes more than its inputs announce.`, { param: 'binary_data_size' });
  }
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(withWideIntegers(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch {
    throw new ServiceError('invalid_json', 'We could not parse the JSON of your request.');
  }
}

type Json = Readonly<Record<string, unknown>>;

function objectOf(value: unknown, what: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw new ServiceError('invalid_type', `Invalid type for ${what}: expected an object.`);
}

function listOf(value: unknown, what: string, limit = TENSORS_LIMIT): readonly unknown[] {
  if (!Array.isArray(value)) throw new ServiceError(value === undefined ? 'missing_required_parameter' : 'invalid_type', `The ${what} must be an array.`, { param: what.split(' ')[0]! });
  if (value.length > limit) throw new ServiceError('invalid_value', `The ${what} must have at most ${limit} elements.`, { param: what.split(' ')[0]! });
  return value;
}

function textOf(value: unknown, what: string, limit: number): string {
  if (typeof value !== 'string') throw new ServiceError('invalid_type', `The ${what} must be text.`, { param: what.split(' ')[0]! });
  if (value.length > limit) throw new ServiceError('invalid_value', `The ${what} must have at most ${limit} characters.`, { param: what.split(' ')[0]! });
  return value;
}

function parametersOf(value: unknown, what: string): Record<string, InferParameter> {
  if (value === undefined) return {};
  const entries = Object.entries(objectOf(value, `the ${what}`));
  if (entries.length > PARAMETERS_LIMIT) throw new ServiceError('invalid_value', `There are more than ${PARAMETERS_LIMIT} ${what}.`, { param: 'parameters' });
  return Object.fromEntries(entries.map(([name, each]) => [textOf(name, 'parameters', NAME_LIMIT_CHARACTERS), create(InferParameterSchema, { parameterChoice: choiceOf(name, each) })]));
}

function choiceOf(name: string, value: unknown): InferParameter['parameterChoice'] {
  const wide = wideInteger(value);
  if (wide !== undefined && BigInt.asIntN(64, wide) === wide) return { case: 'int64Param', value: wide };
  if (typeof value === 'boolean') return { case: 'boolParam', value };
  if (typeof value === 'string') return { case: 'stringParam', value: textOf(value, 'parameters', PARAMETER_LIMIT_CHARACTERS) };
  if (typeof value === 'number' && Number.isSafeInteger(value)) return { case: 'int64Param', value: BigInt(value) };
  throw new ServiceError('invalid_type', 'A parameter must be a boolean, a whole number of 64 bits or text.', { param: textOf(name, 'parameters', NAME_LIMIT_CHARACTERS) });
}

/** Parameters of the transport, which no model gets. */
function takeFlag(parameters: Record<string, InferParameter>, name: string): boolean | undefined {
  const choice = parameters[name]?.parameterChoice;
  delete parameters[name];
  if (choice === undefined) return undefined;
  if (choice.case !== 'boolParam') throw new ServiceError('invalid_type', `The parameter '${name}' must be a boolean.`, { param: name });
  return choice.value;
}

function takeNumber(parameters: Record<string, InferParameter>, name: string): number | undefined {
  const choice = parameters[name]?.parameterChoice;
  delete parameters[name];
  if (choice === undefined) return undefined;
  if (choice.case !== 'int64Param') throw new ServiceError('invalid_type', `The parameter '${name}' must be a whole number.`, { param: name });
  return Number(choice.value);
}

function tooLarge(): ServiceError {
  return new ServiceError('request_too_large', 'The tensors of the request are larger than this address takes.');
}
