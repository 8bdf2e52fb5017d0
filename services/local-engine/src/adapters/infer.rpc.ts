import type { Ids } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { decodeTextRequest, encodeStreamError, encodeTextResponse, type TextRequest, type TextResponse } from '@sluice/kserve';
import type { ModelInferRequest, ModelInferResponse } from '@sluice/proto/kserve';
import type { Engine } from '../domain/engine.ts';
import { guidedSchema } from '../domain/guided-schema.ts';
import type { Prompt } from '../domain/model-process.ts';
import { mergeStreams } from './merge-streams.ts';

/** Requests of one stream that are answered at the same time; more wait unread. */
const REQUESTS_PER_STREAM_LIMIT = 64;

interface InferParts {
  readonly engine: Engine;
  readonly ids: Ids;
}

/** One request, one response with all of the answer. */
export async function infer(parts: InferParts, message: ModelInferRequest, signal: AbortSignal): Promise<ModelInferResponse> {
  const request = decodeTextRequest(message);
  if (request.stream) throw new ServiceError('invalid_value', 'A streamed answer needs ModelStreamInfer.', { param: 'stream' });
  return encodeTextResponse(request.model, await wholeAnswer(parts, request, signal), request);
}

/** Any number of requests; each answer comes in order, answers of different requests in between each other. */
export function streamInfer(parts: InferParts, messages: AsyncIterable<ModelInferRequest>, signal: AbortSignal) {
  return mergeStreams(messages, (message) => answerOne(parts, message, signal), REQUESTS_PER_STREAM_LIMIT);
}

async function* answerOne(parts: InferParts, message: ModelInferRequest, signal: AbortSignal) {
  try {
    const request = decodeTextRequest(message);
    if (!request.stream) {
      const answer = await wholeAnswer(parts, request, signal);
      yield { errorMessage: '', inferResponse: encodeTextResponse(request.model, answer, request) };
      return;
    }
    if (!request.excludeInputInOutput) {
      throw new ServiceError('invalid_value', 'A streamed answer does not repeat the prompt.', { param: 'exclude_input_in_output' });
    }
    for await (const response of pieces(parts, request, signal)) {
      yield { errorMessage: '', inferResponse: encodeTextResponse(request.model, response, request) };
    }
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    yield encodeStreamError(message.id, ServiceError.from(thrown));
  }
}

async function wholeAnswer(parts: InferParts, request: TextRequest, signal: AbortSignal): Promise<TextResponse> {
  let whole: TextResponse = { id: request.id, textOutput: '', final: true };
  for await (const piece of pieces(parts, request, signal)) {
    whole = {
      ...whole,
      ...piece,
      textOutput: whole.textOutput + piece.textOutput,
      outputTokens: (whole.outputTokens ?? 0) + (piece.outputTokens ?? 0),
      logprobs: [...(whole.logprobs ?? []), ...(piece.logprobs ?? [])],
    };
  }
  return request.excludeInputInOutput ? whole : { ...whole, textOutput: request.textInput + whole.textOutput };
}

/** The parts of an answer as responses: the last one carries the finish reason and is final. */
async function* pieces({ engine, ids }: InferParts, request: TextRequest, signal: AbortSignal): AsyncGenerator<TextResponse> {
  if (request.version !== '' && request.version !== '1') throw new ServiceError('model_not_found', `The model '${request.model}' has no version '${request.version}'.`);
  if (request.sampling.max_tokens === 0) {
    yield { id: request.id, textOutput: '', inputTokens: await engine.get(request.model).countPrompt(request.textInput, signal), outputTokens: 0, finishReason: 'length', final: true };
    return;
  }
  // What has no text waits for the next part, so that the last response can carry the counts of the end.
  let inputTokens = 0;
  let outputTokens = 0;
  for await (const part of engine.get(request.model).answer(toPrompt(request, ids), signal)) {
    if (part.type === 'piece') {
      inputTokens = part.inputTokens;
      outputTokens += part.outputTokens;
      if (part.text === '' && part.logprobs.length === 0) continue;
      yield { id: request.id, textOutput: part.text, inputTokens, outputTokens, logprobs: part.logprobs, final: false };
      outputTokens = 0;
    } else if (part.reason === 'cancelled') {
      throw new ServiceError('cancelled', 'The call was cancelled.');
    } else {
      yield { id: request.id, textOutput: '', inputTokens, outputTokens, finishReason: part.reason, final: true };
    }
  }
}

function toPrompt(request: TextRequest, ids: Ids): Prompt {
  const { sampling } = request;
  const seed = sampling.seed === undefined ? ids.randomBytes(4).readUInt32LE() : Number(BigInt.asUintN(32, BigInt(sampling.seed)));
  const guided = sampling.guided_decoding;
  if (guided && sampling.logprobs !== undefined) {
    throw new ServiceError('unsupported_parameter', 'The local engine gives no log-probabilities for a guided answer.', { param: 'logprobs' });
  }
  return {
    text: request.textInput,
    seed,
    sampling: guided && 'json' in guided ? { ...sampling, guided_decoding: { json: guidedSchema(guided.json) } } : sampling,
  };
}
