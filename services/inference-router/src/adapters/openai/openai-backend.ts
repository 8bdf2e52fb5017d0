import { context, propagation } from '@opentelemetry/api';
import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { ChatEvent } from '@sluice/proto/chat/v1/chat';
import { Pool } from 'undici';
import type { Backend, BackendCall } from '../../domain/backend.ts';
import { AnswerReader } from './answer-reader.ts';
import { ANSWER_LIMIT_BYTES, CONNECT_TIMEOUT_MS, ERROR_BODY_LIMIT_BYTES, KEEP_ALIVE_MS } from './limits.ts';
import { requestBody } from './request-body.ts';
import { SseParser } from './sse-parser.ts';
import { errorOfStatus, rubbish } from './upstream-error.ts';
import { UpstreamResponse, type ResponseHead } from './upstream-response.ts';

export interface OpenAiBackendOptions {
  /** Base URL that ends before `/chat/completions`. */
  readonly target: string;
  /** Bearer token for the backend. */
  readonly credential: string | undefined;
  /** Open connections at most; every running call takes one. */
  readonly connections: number;
  readonly clock: Clock;
}

const DONE = '[DONE]';

/** A deployment behind an OpenAI-compatible server, over a pool of kept-alive connections of its own. */
export function createOpenAiBackend(options: OpenAiBackendOptions): Backend {
  const { clock } = options;
  const base = new URL(options.target);
  const prefix = base.pathname.replace(/\/+$/, '');
  const pool = new Pool(base.origin, {
    connections: options.connections,
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connect: { timeout: CONNECT_TIMEOUT_MS },
    allowH2: false,
    // Deadlines are the router's: one clock decides.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const authorization = options.credential === undefined ? {} : { authorization: `Bearer ${options.credential}` };

  return {
    async *chat(call: BackendCall, signal: AbortSignal): AsyncGenerator<ChatEvent[]> {
      signal.throwIfAborted();
      const response = new UpstreamResponse(clock);
      const onAbort = (): void => response.abort(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        const headers = { ...headersOf(call), ...authorization };
        pool.dispatch({ method: 'POST', path: `${prefix}/chat/completions`, headers, body: requestBody(call.call, call.upstreamModel) }, response);
        const head = await response.head;
        if (head.status !== 200) throw await refusalOf(head, response, clock);
        expectType(head, call.call.stream ? 'text/event-stream' : 'application/json');
        if (call.call.stream) yield* readStream(response, new AnswerReader(call));
        else yield await readWhole(response, new AnswerReader(call));
        response.discardRest();
      } catch (thrown) {
        throw signal.aborted ? signal.reason : thrown;
      } finally {
        signal.removeEventListener('abort', onAbort);
        // Only what `discardRest` did not take over: an error, or a consumer that left.
        response.abortUnlessDiscarding(new ServiceError('cancelled', 'The call was cancelled.'));
      }
    },

    async probe(signal: AbortSignal): Promise<void> {
      const response = new UpstreamResponse(clock);
      const onAbort = (): void => response.abort(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        pool.dispatch({ method: 'GET', path: `${prefix}/models`, headers: { accept: 'application/json', ...authorization } }, response);
        const { status } = await response.head;
        // Only what says that calls will fail: servers without a list of models (404) or that keep it from some keys (403) still answer.
        if (status === 401) throw new ServiceError('backend_unavailable', 'The backend refuses the credential.');
        if (status >= 500) throw new ServiceError('backend_unavailable', `The health check was answered with ${status}.`);
      } finally {
        signal.removeEventListener('abort', onAbort);
        response.discardRest();
      }
    },

    close: () => pool.destroy(),
  };
}

function headersOf(call: BackendCall): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    accept: call.call.stream ? 'text/event-stream' : 'application/json',
    'user-agent': 'sluice',
    'x-request-id': call.callId,
  };
  propagation.inject(context.active(), headers);
  return headers;
}

async function* readStream(response: UpstreamResponse, answer: AnswerReader): AsyncGenerator<ChatEvent[]> {
  let events: ChatEvent[] = [];
  let isDone = false;
  const parser = new SseParser((data, name) => {
    if (isDone || data === '') return;
    if (data === DONE) isDone = true;
    else events.push(...answer.read(data, name));
  });
  for (let pieces = await response.read(); pieces !== undefined; pieces = await response.read()) {
    const fault = faultOf(() => {
      for (const piece of pieces!) if (!parser.push(piece)) throw rubbish('an event is larger than allowed');
    });
    if (isDone && !fault) break;
    if (events.length > 0) {
      const batch = events;
      events = [];
      yield batch;
    }
    // What came before the fault is part of the answer, however the network cut it.
    if (fault) throw fault.thrown;
  }
  // A stream may lack the blank line behind [DONE], but half an event of the answer is a broken answer.
  if (!isDone && parser.isInsideEvent) parser.end();
  if (!isDone && !answer.isFinished) throw rubbish('the stream ended before the answer was complete');
  events.push(...answer.end());
  yield events;
}

function faultOf(work: () => void): { readonly thrown: unknown } | undefined {
  try {
    work();
    return undefined;
  } catch (thrown) {
    return { thrown };
  }
}

async function readWhole(response: UpstreamResponse, answer: AnswerReader): Promise<ChatEvent[]> {
  const body = await readBody(response, ANSWER_LIMIT_BYTES);
  if (body === undefined) throw rubbish('the answer is larger than allowed');
  return [...answer.read(body.toString('utf8')), ...answer.end()];
}

async function refusalOf(head: ResponseHead, response: UpstreamResponse, clock: Clock): Promise<ServiceError> {
  const body = await readBody(response, ERROR_BODY_LIMIT_BYTES).catch(() => undefined);
  return errorOfStatus(head.status, body?.toString('utf8') ?? '', headerOf(head, 'retry-after'), clock.wallMs());
}

/** The whole body, or undefined when it is longer than allowed. */
async function readBody(response: UpstreamResponse, limitBytes: number): Promise<Buffer | undefined> {
  const all: Buffer[] = [];
  let bytes = 0;
  for (let pieces = await response.read(); pieces !== undefined; pieces = await response.read()) {
    for (const piece of pieces) bytes += piece.length;
    if (bytes > limitBytes) return undefined;
    all.push(...pieces);
  }
  return Buffer.concat(all, bytes);
}

function expectType(head: ResponseHead, type: string): void {
  const given = (headerOf(head, 'content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase();
  if (given !== type) throw rubbish('the content type is not the one that was asked for');
}

function headerOf(head: ResponseHead, name: string): string | undefined {
  const value = head.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
