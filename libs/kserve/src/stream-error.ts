import { create } from '@bufbuild/protobuf';
import { ServiceError, isCode } from '@sluice/errors';
import { ModelStreamInferResponseSchema, type ModelStreamInferResponse } from '@sluice/proto/kserve';
import { faultOfMessage } from './server-fault.ts';
import { FINAL_RESPONSE, boolParameter, intParameter, readInt, readString, stringParameter } from './infer-parameter.ts';

const CODE = 'sluice_error_code';
const PARAM = 'sluice_error_param';
const RETRY_AFTER = 'sluice_retry_after_seconds';

/**
 * The failure of one request of a stream; the others go on. The protocol knows a message only, so the code travels
 * beside it as response parameters, which other clients do not look at.
 */
export function encodeStreamError(id: string, error: ServiceError): ModelStreamInferResponse {
  return create(ModelStreamInferResponseSchema, {
    errorMessage: error.message,
    inferResponse: {
      id,
      parameters: {
        [FINAL_RESPONSE]: boolParameter(true),
        [CODE]: stringParameter(error.code),
        ...(error.param !== undefined && { [PARAM]: stringParameter(error.param) }),
        ...(error.retryAfterSeconds !== undefined && { [RETRY_AFTER]: intParameter(BigInt(Math.ceil(error.retryAfterSeconds))) }),
      },
    },
  });
}

/** The failure that a response of a stream carries, if it carries one. A message of another server stays inside: it may quote the prompt. */
export function decodeStreamError(response: ModelStreamInferResponse): ServiceError | undefined {
  if (response.errorMessage === '') return undefined;
  const parameters = response.inferResponse?.parameters ?? {};
  const code = readString(parameters, CODE);
  if (code === undefined || !isCode(code)) return faultOfMessage(response.errorMessage);
  const param = readString(parameters, PARAM);
  const retryAfterSeconds = readInt(parameters, RETRY_AFTER);
  return new ServiceError(code, response.errorMessage, {
    ...(param !== undefined && { param }),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds: Number(retryAfterSeconds) }),
  });
}
