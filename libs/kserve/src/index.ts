export { decodeTensor, encodeTensor, type Datatype, type TensorElement } from './tensor.ts';
export { RequestTensors } from './request-tensors.ts';
export { EMPTY_FINAL_RESPONSE, FINAL_RESPONSE, boolParameter, intParameter, readBool, readInt, readString, stringParameter } from './infer-parameter.ts';
export { parseSamplingParameters, writeSamplingParameters, type GuidedDecoding, type SamplingParameters } from './sampling-parameters.ts';
export { COUNTS_PROMPTS, TEXT_INPUTS, decodeTextRequest, encodeTextRequest, type TextRequest } from './text-request.ts';
export { TEXT_OUTPUTS, decodeTextResponse, encodeTextResponse, type TextResponse, type WantedOutputs } from './text-response.ts';
export type { TokenLogprob, TokenLogprobs } from './token-logprobs.ts';
export { DeadModel, faultOfMessage } from './server-fault.ts';
export { decodeStreamError, encodeStreamError } from './stream-error.ts';
