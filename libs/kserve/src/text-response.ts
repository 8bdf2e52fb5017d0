import { create } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import { ModelInferResponseSchema, ModelInferResponse_InferOutputTensorSchema, type ModelInferResponse, type ModelInferResponse_InferOutputTensor } from '@sluice/proto/kserve';
import { FINAL_RESPONSE, boolParameter, readBool } from './infer-parameter.ts';
import { decodeTensor, encodeTensor, type Datatype, type TensorElement } from './tensor.ts';
import { parseTokenLogprobs, writeTokenLogprobs, type TokenLogprobs } from './token-logprobs.ts';

/** One response of a text model; a streamed answer is several of them, each with what came since the one before. */
export interface TextResponse {
  readonly id: string;
  readonly textOutput: string;
  /** Absent until the answer ends. */
  readonly finishReason?: string;
  /** Tokens of the prompt; the same on every response. */
  readonly inputTokens?: number;
  /** Tokens sampled since the response before. */
  readonly outputTokens?: number;
  readonly logprobs?: readonly TokenLogprobs[];
  /** True on the last response of a request. */
  readonly final: boolean;
}

/** How the contract writes a finish reason that is not there yet. */
const NOT_FINISHED = 'None';

export const TEXT_OUTPUTS: readonly { readonly name: string; readonly datatype: Datatype; readonly shape: readonly bigint[] }[] = [
  { name: 'text_output', datatype: 'BYTES', shape: [-1n] },
  { name: 'finish_reason', datatype: 'BYTES', shape: [-1n] },
  { name: 'num_input_tokens', datatype: 'UINT32', shape: [1n] },
  { name: 'num_output_tokens', datatype: 'UINT32', shape: [-1n] },
  { name: 'logprobs', datatype: 'BYTES', shape: [-1n] },
];

/** Which of the optional outputs the request asked for. */
export interface WantedOutputs {
  readonly returnFinishReason: boolean;
  readonly returnInputTokens: boolean;
  readonly returnOutputTokens: boolean;
  readonly returnLogprobs: boolean;
}

export function encodeTextResponse(model: string, response: TextResponse, wanted: WantedOutputs): ModelInferResponse {
  const outputs: ModelInferResponse_InferOutputTensor[] = [];
  const rawOutputContents: Uint8Array[] = [];
  const add = <D extends Datatype>(name: string, datatype: D, element: TensorElement[D]): void => {
    outputs.push(create(ModelInferResponse_InferOutputTensorSchema, { name, datatype, shape: [1n] }));
    rawOutputContents.push(encodeTensor(datatype, [element]));
  };
  add('text_output', 'BYTES', Buffer.from(response.textOutput));
  if (wanted.returnFinishReason) add('finish_reason', 'BYTES', Buffer.from(response.finishReason ?? NOT_FINISHED));
  if (wanted.returnInputTokens) add('num_input_tokens', 'UINT32', response.inputTokens ?? 0);
  if (wanted.returnOutputTokens) add('num_output_tokens', 'UINT32', response.outputTokens ?? 0);
  if (wanted.returnLogprobs) add('logprobs', 'BYTES', Buffer.from(writeTokenLogprobs(response.logprobs ?? [])));
  return create(ModelInferResponseSchema, {
    modelName: model,
    modelVersion: '1',
    id: response.id,
    parameters: { [FINAL_RESPONSE]: boolParameter(response.final) },
    outputs,
    rawOutputContents,
  });
}

/**
 * Reads a response; one without outputs (the empty final one) has empty text. Shapes are not trusted, only lengths.
 * `topLogprobs` is how many likeliest tokens the request asked for.
 */
export function decodeTextResponse(message: ModelInferResponse, topLogprobs = 0): TextResponse {
  const raw = (name: string): Uint8Array | undefined => {
    const index = message.outputs.findIndex((output) => output.name === name);
    return index < 0 ? undefined : message.rawOutputContents[index];
  };
  const text = (name: string): string | undefined => {
    const bytes = raw(name);
    const first = bytes && decodeTensor(name, 'BYTES', bytes)[0];
    return first && new TextDecoder('utf-8', { ignoreBOM: true }).decode(first);
  };
  const count = (name: string): number | undefined => {
    const bytes = raw(name);
    return bytes && decodeTensor(name, 'UINT32', bytes)[0];
  };
  const finishReason = text('finish_reason');
  const inputTokens = count('num_input_tokens');
  const outputTokens = count('num_output_tokens');
  const logprobs = text('logprobs');
  const final = readBool(message.parameters, FINAL_RESPONSE);
  if (final === undefined && message.outputs.length === 0) throw new ServiceError('upstream_error', 'The model server sent a response without content.');
  return {
    id: message.id,
    textOutput: text('text_output') ?? '',
    final: final ?? true,
    ...(finishReason !== undefined && finishReason !== NOT_FINISHED && { finishReason }),
    ...(inputTokens !== undefined && { inputTokens }),
    ...(outputTokens !== undefined && { outputTokens }),
    ...(logprobs !== undefined && { logprobs: parseTokenLogprobs(logprobs, topLogprobs) }),
  };
}
