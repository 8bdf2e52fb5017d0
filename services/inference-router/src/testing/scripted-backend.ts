import { create } from '@bufbuild/protobuf';
import { Channel, ChatCallSchema, ChatEventSchema, type ChatCall, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import type { Backend, BackendCall } from '../domain/backend.ts';
import type { Deployment } from '../domain/deployment.ts';

type Answer = (call: BackendCall, signal: AbortSignal) => AsyncIterable<ChatEvent[]>;

/** A backend in memory, for the rules that stand above all backends. The real ones have their own contract. */
export class ScriptedBackend implements Backend {
  answer: Answer = (call) => answerOf(call);
  probeOutcome: (signal: AbortSignal) => Promise<void> = () => Promise.resolve();
  /** Absent in a backend that has no way to count. */
  countInput?: (call: BackendCall, signal: AbortSignal) => Promise<number | undefined>;
  readonly calls: BackendCall[] = [];
  readonly signals: AbortSignal[] = [];
  probes = 0;
  isClosed = false;

  chat(call: BackendCall, signal: AbortSignal): AsyncIterable<ChatEvent[]> {
    this.calls.push(call);
    this.signals.push(signal);
    return this.answer(call, signal);
  }

  probe(signal: AbortSignal): Promise<void> {
    this.probes++;
    return this.probeOutcome(signal);
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }
}

export const text = (value: string): ChatEvent => create(ChatEventSchema, { event: { case: 'delta', value: { channel: Channel.CONTENT, text: value } } });
export const usage = (): ChatEvent => create(ChatEventSchema, { event: { case: 'usage', value: { inputTokens: 1n, outputTokens: 2n } } });

/** A whole answer that names its deployment. */
export async function* answerOf(call: BackendCall): AsyncGenerator<ChatEvent[]> {
  yield [text(`from ${call.deploymentId}`)];
  yield [usage()];
}

/** Fails before the first event. */
export function failing(error: Error): Answer {
  return async function* () {
    throw error;
  };
}

/** Yields these pieces and then waits until it is given up. */
export function stalling(...pieces: string[]): Answer {
  return async function* (_call, signal) {
    for (const piece of pieces) yield [text(piece)];
    await aborted(signal);
    throw signal.reason;
  };
}

export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })));
}

export function deployment(id: string, more: Partial<Deployment> = {}): Deployment {
  return { id, modelId: 'model_1', versionId: 'ver_1', protocol: 'openai', target: `http://${id}/v1`, upstreamModel: 'm', weightsPath: '', digest: `sha256:${'0'.repeat(64)}`, credential: undefined, placement: 'inside', managed: false, signature: undefined, ...more };
}

export function chatCall(model = 'm', stream = true): ChatCall {
  return create(ChatCallSchema, { model, stream, choices: 1, messages: Buffer.from('[]') });
}

/** Lets everything that is only waiting for promises go on. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
