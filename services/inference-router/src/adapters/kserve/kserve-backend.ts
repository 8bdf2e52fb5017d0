import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { decodeStreamError, decodeTextResponse, encodeTextRequest, type SamplingParameters, type TextRequest } from '@sluice/kserve';
import type { ChatEvent } from '@sluice/proto/chat/v1/chat';
import type { GRPCInferenceService } from '@sluice/proto/kserve';
import type { Client } from '@sluice/rpc';
import type { Logger } from '@sluice/telemetry';
import type { Backend, BackendCall } from '../../domain/backend.ts';
import type { Deployment } from '../../domain/deployment.ts';
import { inClientTerms, readChatFields } from './chat-fields.ts';
import { readMessages } from './chat-messages.ts';
import { ServedModel } from './served-model.ts';
import { TensorModel } from './tensor-model.ts';
import { TextAnswer } from './text-answer.ts';

export interface KserveBackendOptions {
  readonly engine: Client<typeof GRPCInferenceService>;
  readonly deployment: Pick<Deployment, 'id' | 'target' | 'upstreamModel' | 'weightsPath' | 'digest' | 'versionNumber'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A deployment behind a KServe v2 server that has the text contract of Triton's vLLM backend: Triton, or the local engine. */
export function createKserveBackend(options: KserveBackendOptions): Backend {
  const model = new ServedModel(options);
  const tensors = new TensorModel(options);
  const faultOf = (thrown: unknown, { call }: BackendCall, signal: AbortSignal): unknown => {
    if (signal.aborted) return signal.reason;
    const error = ServiceError.from(thrown);
    return error.code === 'model_not_found' ? model.forget() : inClientTerms(error, call.fields);
  };
  return {
    async *chat(call: BackendCall, signal: AbortSignal): AsyncGenerator<ChatEvent[]> {
      signal.throwIfAborted();
      try {
        const sampling = readChatFields(call.call.fields);
        const messages = readMessages(call.call.messages);
        const { template } = await model.described(signal);
        await tensors.requireLanguage(signal);
        const prompt = template.render(messages);
        yield* answer(options.engine, call, prompt, sampling, signal);
      } catch (thrown) {
        throw faultOf(thrown, call, signal);
      }
    },
    async countInput(call: BackendCall, signal: AbortSignal): Promise<number | undefined> {
      signal.throwIfAborted();
      try {
        const { countsPrompts, template } = await model.described(signal);
        return countsPrompts ? await count(options.engine, call, template.render(readMessages(call.call.messages)), signal) : undefined;
      } catch (thrown) {
        throw faultOf(thrown, call, signal);
      }
    },
    infer: (call, signal) => tensors.infer(call, signal),
    describe: (signal) => tensors.describe(signal),
    probe: (signal) => model.makeReady(signal),
    close: () => model.release(),
  };
}

/** The prompt's tokens, from a server whose model says that it gives them for `max_tokens` 0. */
async function count(engine: Client<typeof GRPCInferenceService>, { callId, upstreamModel }: BackendCall, prompt: string, signal: AbortSignal): Promise<number | undefined> {
  const request = { ...textRequest(upstreamModel, callId, prompt, { max_tokens: 0 }), stream: false };
  const { inputTokens, outputTokens } = decodeTextResponse(await engine.modelInfer(encodeTextRequest(request), { signal }));
  // A server that wrote something all the same does not know the question.
  return outputTokens === 0 && inputTokens !== undefined && inputTokens > 0 ? inputTokens : undefined;
}

/** All choices over one stream; leaving the loop cancels what is still under way. */
async function* answer(
  engine: Client<typeof GRPCInferenceService>,
  call: BackendCall,
  prompt: string,
  sampling: SamplingParameters,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent[]> {
  const ids = Array.from({ length: call.call.choices }, (_, choice) => `${call.callId}-${choice}`);
  const text = new TextAnswer(call, ids);
  for await (const response of engine.modelStreamInfer(requests(call, ids, prompt, sampling), { signal })) {
    const error = decodeStreamError(response);
    if (error) throw error;
    if (!response.inferResponse) throw new ServiceError('upstream_error', 'The model server sent a message without content.');
    const events = text.read(decodeTextResponse(response.inferResponse, sampling.logprobs));
    if (events.length > 0) yield events;
    if (text.isFinished) return;
  }
  throw new ServiceError('upstream_error', 'The model server ended the stream before the answer was complete.');
}

async function* requests(call: BackendCall, ids: readonly string[], prompt: string, sampling: SamplingParameters) {
  for (const [choice, id] of ids.entries()) {
    // Choices that share a seed must still differ, and be the same again the next time.
    const own = sampling.seed === undefined || choice === 0 ? sampling : { ...sampling, seed: nextSeed(sampling.seed, choice) };
    yield encodeTextRequest(textRequest(call.upstreamModel, id, prompt, own));
  }
}

function textRequest(model: string, id: string, textInput: string, sampling: SamplingParameters): TextRequest {
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

function nextSeed(seed: number, choice: number): number {
  return seed > Number.MAX_SAFE_INTEGER - choice ? seed - choice : seed + choice;
}
