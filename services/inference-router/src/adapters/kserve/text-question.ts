import { encodeTextRequest, type SamplingParameters, type TextRequest } from '@sluice/kserve';
import type { BackendCall } from '../../domain/backend.ts';

/** One request for each choice of a call. */
export async function* textQuestions(call: BackendCall, ids: readonly string[], prompt: string, sampling: SamplingParameters) {
  for (const [choice, id] of ids.entries()) {
    // Choices that share a seed must still differ, and be the same again the next time.
    const own = sampling.seed === undefined || choice === 0 ? sampling : { ...sampling, seed: nextSeed(sampling.seed, choice) };
    yield encodeTextRequest(textRequest(call.upstreamModel, id, prompt, own));
  }
}

/** A request for a streamed answer, with all that can be told of it. */
export function textRequest(model: string, id: string, textInput: string, sampling: SamplingParameters): TextRequest {
  return {
    model,
    version: '',
    id,
    textInput,
    stream: true,
    sampling,
    excludeInputInOutput: true,
    returnFinishReason: true,
    returnInputTokens: true,
    returnOutputTokens: true,
    returnLogprobs: sampling.logprobs !== undefined,
  };
}

/** A stream of one request. */
export async function* only<T>(request: T): AsyncGenerator<T> {
  yield request;
}

function nextSeed(seed: number, choice: number): number {
  return seed > Number.MAX_SAFE_INTEGER - choice ? seed - choice : seed + choice;
}
