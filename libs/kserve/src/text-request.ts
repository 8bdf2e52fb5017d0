import type { MessageInitShape } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import type { ModelInferRequest, ModelInferRequestSchema } from '@sluice/proto/kserve';
import { EMPTY_FINAL_RESPONSE, boolParameter } from './infer-parameter.ts';
import { RequestTensors } from './request-tensors.ts';
import { parseSamplingParameters, writeSamplingParameters, type SamplingParameters } from './sampling-parameters.ts';
import { encodeTensor } from './tensor.ts';

/**
 * A parameter of a model's configuration: with `true` the model answers `max_tokens` 0 with the count of the prompt's
 * tokens and nothing else. Where it is missing nobody may be asked so.
 */
export const COUNTS_PROMPTS = 'counts_prompt_tokens';

/** A request for text, as Triton's vLLM backend takes it. */
export interface TextRequest {
  readonly model: string;
  readonly version: string;
  /** Tells the requests of one stream apart; comes back on each response. */
  readonly id: string;
  /** The prompt after the chat template. */
  readonly textInput: string;
  /** Several responses with a piece of the text each, or one with all of it. */
  readonly stream: boolean;
  readonly sampling: SamplingParameters;
  /** Without it an answer that is not streamed begins with the prompt. */
  readonly excludeInputInOutput: boolean;
  readonly returnFinishReason: boolean;
  readonly returnInputTokens: boolean;
  readonly returnOutputTokens: boolean;
  readonly returnLogprobs: boolean;
}

const FLAGS = {
  stream: 'stream',
  excludeInputInOutput: 'exclude_input_in_output',
  returnFinishReason: 'return_finish_reason',
  returnInputTokens: 'return_num_input_tokens',
  returnOutputTokens: 'return_num_output_tokens',
  returnLogprobs: 'return_logprobs',
} as const satisfies Partial<Record<keyof TextRequest, string>>;

/** The inputs of a text model, for its metadata and for the refusal of others. */
export const TEXT_INPUTS: readonly { readonly name: string; readonly datatype: 'BYTES' | 'BOOL'; readonly optional: boolean }[] = [
  { name: 'text_input', datatype: 'BYTES', optional: false },
  { name: 'sampling_parameters', datatype: 'BYTES', optional: true },
  ...Object.values(FLAGS).map((name) => ({ name, datatype: 'BOOL' as const, optional: true })),
];

export function encodeTextRequest(request: TextRequest): MessageInitShape<typeof ModelInferRequestSchema> {
  const flags = Object.entries(FLAGS) as [keyof typeof FLAGS, string][];
  return {
    modelName: request.model,
    modelVersion: request.version,
    id: request.id,
    parameters: { [EMPTY_FINAL_RESPONSE]: boolParameter(true) },
    inputs: [
      { name: 'text_input', datatype: 'BYTES', shape: [1n] },
      { name: 'sampling_parameters', datatype: 'BYTES', shape: [1n] },
      ...flags.map(([, name]) => ({ name, datatype: 'BOOL', shape: [1n] })),
    ],
    rawInputContents: [
      encodeTensor('BYTES', [Buffer.from(request.textInput)]),
      encodeTensor('BYTES', [Buffer.from(writeSamplingParameters(request.sampling))]),
      ...flags.map(([key]) => encodeTensor('BOOL', [request[key]])),
    ],
  };
}

/** Throws ServiceError with the tensor or the sampling parameter at fault as param. */
export function decodeTextRequest(message: ModelInferRequest): TextRequest {
  const tensors = new RequestTensors(message);
  tensors.expectOnly(TEXT_INPUTS.map(({ name }) => name));
  const textInput = tensors.text('text_input');
  if (textInput === undefined) throw new ServiceError('missing_required_parameter', "The input 'text_input' is missing.", { param: 'text_input' });
  const flag = (key: keyof typeof FLAGS): boolean => tensors.bool(FLAGS[key]) ?? false;
  const stream = flag('stream');
  return {
    model: message.modelName,
    version: message.modelVersion,
    id: message.id,
    textInput,
    stream,
    sampling: parseSamplingParameters(tensors.text('sampling_parameters') ?? '{}'),
    excludeInputInOutput: tensors.bool(FLAGS.excludeInputInOutput) ?? stream,
    returnFinishReason: flag('returnFinishReason'),
    returnInputTokens: flag('returnInputTokens'),
    returnOutputTokens: flag('returnOutputTokens'),
    returnLogprobs: flag('returnLogprobs'),
  };
}
