import { createHash } from 'node:crypto';
import { fromBinary } from '@bufbuild/protobuf';
import { dataToJson } from '@sluice/kserve';
import { ModelInferRequestSchema, ModelInferResponseSchema, type InferParameter } from '@sluice/proto/kserve';
import { parseExactly } from './exact-json.ts';

/** Data of a tensor that are shown as they are; of others a reader sees length and digest, and has all of them in the evidence. */
const SHOWN_LIMIT_BYTES = 4_096;

interface Tensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly bigint[];
  readonly parameters: Readonly<Record<string, InferParameter>>;
}

/** What was asked of a model that is no language model, readable. */
export function askedTensorsView(encoded: Uint8Array): object {
  const { id, modelVersion, parameters, inputs, outputs, rawInputContents } = fromBinary(ModelInferRequestSchema, encoded);
  return {
    id: id || null, model_version: modelVersion || null, parameters: parametersView(parameters),
    inputs: inputs.map((input, at) => tensorView(input, rawInputContents[at])),
    outputs: outputs.map(({ name, parameters: own }) => ({ name, parameters: parametersView(own) })),
  };
}

/** What it answered, readable. */
export function answeredTensorsView(encoded: Uint8Array): object {
  const { id, modelVersion, parameters, outputs, rawOutputContents } = fromBinary(ModelInferResponseSchema, encoded);
  return { id: id || null, model_version: modelVersion || null, parameters: parametersView(parameters), outputs: outputs.map((output, at) => tensorView(output, rawOutputContents[at])) };
}

function tensorView({ name, datatype, shape, parameters }: Tensor, raw: Uint8Array = new Uint8Array()): object {
  return {
    name, datatype, shape: shape.map(Number), parameters: parametersView(parameters), bytes: raw.length,
    sha256: createHash('sha256').update(raw).digest('hex'), data: raw.length > SHOWN_LIMIT_BYTES ? null : dataView(name, datatype, raw),
  };
}

/** Null for what JSON has no form for. */
function dataView(name: string, datatype: string, raw: Uint8Array): unknown {
  try {
    return parseExactly(dataToJson(name, datatype, raw));
  } catch {
    return null;
  }
}

function parametersView(parameters: Readonly<Record<string, InferParameter>>): object {
  return Object.fromEntries(Object.entries(parameters).map(([name, { parameterChoice: { value } }]) => [name, typeof value === 'bigint' ? String(value) : (value ?? null)]));
}
