import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { decodeStreamError, decodeTextResponse, encodeTextRequest, type SamplingParameters } from '@sluice/kserve';
import type { ChatEvent } from '@sluice/proto/chat/v1/chat';
import type { Logger } from '@sluice/telemetry';
import { AbsentBackend, LostBackend } from '../../domain/backend-fault.ts';
import type { Backend, BackendCall } from '../../domain/backend.ts';
import type { Deployment } from '../../domain/deployment.ts';
import type { WholeAnswers } from '../../domain/whole-answers.ts';
import { inClientTerms, readChatFields } from './chat-fields.ts';
import { readMessages } from './chat-messages.ts';
import type { KserveClient, KserveServer } from './kserve-server.ts';
import { isLanguageModel } from './model-signature.ts';
import { ServedModel } from './served-model.ts';
import { faultOfServer } from './server-fault.ts';
import { ServerWatch } from './server-watch.ts';
import { TensorModel } from './tensor-model.ts';
import { TextAnswer } from './text-answer.ts';
import { only, textQuestions, textRequest } from './text-question.ts';

export interface KserveBackendOptions {
  readonly server: KserveServer;
  readonly deployment: Pick<Deployment, 'id' | 'target' | 'upstreamModel' | 'weightsPath' | 'digest' | 'managed' | 'signature' | 'versionNumber'>;
  /** Asked when the deployment is gone: false where its model is needed further, by another deployment or because only this process ends. */
  readonly mayUnload: () => boolean;
  /** Names of the other models of the same server that are in service. */
  readonly neighbours: () => readonly string[];
  /** The room of answers of tensors, shared by all models that give such. */
  readonly wholeAnswers: WholeAnswers;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A deployment behind a KServe v2 server that has the text contract of Triton's vLLM backend: Triton, or the local engine. */
export function createKserveBackend(options: KserveBackendOptions): Backend {
  const { server, deployment } = options;
  const model = new ServedModel(options);
  const watch = new ServerWatch(options, model);
  const tensors = new TensorModel({ server, deployment, revive: (signal) => model.reload(signal), wholeAnswers: options.wholeAnswers, clock: options.clock, logger: options.logger });
  const faultOf = (thrown: unknown, { call }: BackendCall, signal: AbortSignal): unknown => {
    if (signal.aborted) return signal.reason;
    const error = faultOfServer(ServiceError.from(thrown));
    if (error.cause instanceof LostBackend && !(error.cause instanceof AbsentBackend)) watch.suspect();
    return error.code === 'model_not_found' ? model.forget() : inClientTerms(error, call.fields);
  };
  return {
    async *chat(call: BackendCall, signal: AbortSignal): AsyncGenerator<ChatEvent[]> {
      signal.throwIfAborted();
      let hasBegun = false;
      try {
        if (deployment.signature && !isLanguageModel(deployment.signature)) throw noLanguageModel(call);
        const sampling = readChatFields(call.call.fields);
        const messages = readMessages(call.call.messages);
        const prompt = (await model.described(signal)).template.render(messages);
        for await (const events of answer(server.client, call, prompt, sampling, signal)) {
          hasBegun = true;
          yield events;
        }
      } catch (thrown) {
        const fault = faultOf(thrown, call, signal);
        throw hasBegun ? brokenOff(fault) : fault;
      }
    },
    async countInput(call: BackendCall, signal: AbortSignal): Promise<number | undefined> {
      signal.throwIfAborted();
      try {
        const { countsPrompts, template } = await model.described(signal);
        return countsPrompts ? await count(server.client, call, template.render(readMessages(call.call.messages)), signal) : undefined;
      } catch (thrown) {
        throw faultOf(thrown, call, signal);
      }
    },
    infer: (call, signal) => tensors.infer(call, signal),
    describe: (signal) => tensors.describe(signal),
    statistics: () => watch.statistics,
    probe: async (signal) => watch.check(signal),
    async close(): Promise<void> {
      await model.release();
      server.close();
    },
  };
}

function noLanguageModel({ call }: BackendCall): ServiceError {
  return new ServiceError('invalid_value', `The model \`${call.model}\` is no language model and answers no chat.`, { param: 'model' });
}

/** Half an answer is there: for the client it does not matter any more why the server is away. */
function brokenOff(fault: unknown): unknown {
  if (!(fault instanceof ServiceError) || fault.code !== 'backend_unavailable') return fault;
  return new ServiceError('upstream_error', "The model's server went away in the middle of the answer.", { cause: fault.cause });
}

/** The prompt's tokens, from a server whose model says that it gives them for `max_tokens` 0. By stream, because Triton takes a decoupled model in no other way. */
async function count(client: KserveClient, { callId, upstreamModel }: BackendCall, prompt: string, signal: AbortSignal): Promise<number | undefined> {
  const request = { ...textRequest(upstreamModel, callId, prompt, { max_tokens: 0 }), stream: false };
  for await (const response of client.modelStreamInfer(only(encodeTextRequest(request)), { signal })) {
    const error = decodeStreamError(response);
    if (error) throw error;
    if (!response.inferResponse) break;
    const { inputTokens, outputTokens } = decodeTextResponse(response.inferResponse);
    // A server that wrote something all the same does not know the question.
    return outputTokens === 0 && inputTokens !== undefined && inputTokens > 0 ? inputTokens : undefined;
  }
  throw new ServiceError('upstream_error', 'The model server ended the stream before the count was there.');
}

/** All choices over one stream; leaving the loop cancels what is still under way. */
async function* answer(client: KserveClient, call: BackendCall, prompt: string, sampling: SamplingParameters, signal: AbortSignal): AsyncGenerator<ChatEvent[]> {
  const ids = Array.from({ length: call.call.choices }, (_, choice) => `${call.callId}-${choice}`);
  const text = new TextAnswer(call, ids);
  for await (const response of client.modelStreamInfer(textQuestions(call, ids, prompt, sampling), { signal })) {
    const error = decodeStreamError(response);
    if (error) throw error;
    if (!response.inferResponse) throw new ServiceError('upstream_error', 'The model server sent a message without content.');
    const events = text.read(decodeTextResponse(response.inferResponse, sampling.logprobs));
    if (events.length > 0) yield events;
    if (text.isFinished) return;
  }
  throw new ServiceError('upstream_error', 'The model server ended the stream before the answer was complete.');
}
