import { ServiceError } from '@sluice/errors';
import type { GenerateFailure, LoadFailure } from '../llama-process/messages.ts';

/** Why a model was not loaded. The path stands in the cause alone, because the message may reach a client. */
export function loadError(model: string, weightsPath: string, reason: LoadFailure, how = 'the process refused it'): ServiceError {
  const detail = { cause: new Error(`${weightsPath}: ${how}`) };
  switch (reason) {
    case 'missing':
      return new ServiceError('model_not_installed', `The model '${model}' is not installed: there is no file with its weights.`, detail);
    case 'not-gguf':
      return new ServiceError('failed_precondition', `The model '${model}' cannot be loaded: its file is not a whole GGUF file.`, detail);
    case 'other-digest':
      return new ServiceError('failed_precondition', `The model '${model}' cannot be loaded: its weights are not those that were registered.`, detail);
    case 'unusable':
      return new ServiceError('failed_precondition', `The model '${model}' cannot be loaded: llama.cpp does not take its weights, or the memory is too small for them.`, detail);
  }
}

/** What an answer under way ends with when its process does. */
export function crashed(): ServiceError {
  return new ServiceError('backend_unavailable', 'The process of the model ended while it was answering.', { retryAfterSeconds: 1 });
}

/** What the process could not do for one request. */
export function refusal(failure: GenerateFailure): ServiceError {
  switch (failure.kind) {
    case 'prompt-too-long':
      return new ServiceError(
        'context_length_exceeded',
        `This model takes ${failure.contextTokens} tokens of prompt and answer together; the prompt alone has ${failure.isLeast ? 'more than ' : ''}${failure.promptTokens}.`,
        { param: 'text_input' },
      );
    case 'unknown-token':
      return new ServiceError('invalid_value', `'${failure.param}' names a token that the model does not have.`, { param: failure.param });
    case 'unusable-schema':
      return new ServiceError('unsupported_parameter', 'The local engine cannot force an answer into this JSON schema.', { param: 'guided_decoding' });
    case 'internal':
      return new ServiceError('upstream_error', 'The model failed to answer.', { cause: new Error(failure.name) });
  }
}
