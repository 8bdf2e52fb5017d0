import { context, propagation } from '@opentelemetry/api';
import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { ChatEvent } from '@sluice/proto/chat/v1/chat';
import { Pool } from 'undici';
import type { Backend, BackendCall } from '../../domain/backend.ts';
import type { WholeAnswers } from '../../domain/whole-answers.ts';
import { StreamBody, WholeBody } from './answer-body.ts';
import { AnswerReader } from './answer-reader.ts';
import { attempted } from './chat-events.ts';
import { lengthFieldOf, otherName, withLengthField, type LengthField } from './length-field.ts';
import { CONNECT_TIMEOUT_MS, ERROR_BODY_LIMIT_BYTES, ERROR_BODY_LIMIT_MS, KEEP_ALIVE_MS } from './limits.ts';
import { requestBody } from './request-body.ts';
import { refusesName } from './refused-name.ts';
import { errorOfStatus, rubbish } from './upstream-error.ts';
import { UpstreamResponse, type ResponseHead } from './upstream-response.ts';

export interface OpenAiBackendOptions {
  /** Base URL that ends before `/chat/completions`. */
  readonly target: string;
  /** Bearer token for the backend. */
  readonly credential: string | undefined;
  /** Open connections at most; every running call takes one. */
  readonly connections: number;
  /** The room that answers take which are not streamed. */
  readonly wholeAnswers: WholeAnswers;
  readonly clock: Clock;
}

/** A deployment behind an OpenAI-compatible server, over a pool of kept-alive connections of its own. */
export function createOpenAiBackend(options: OpenAiBackendOptions): Backend {
  const { clock, wholeAnswers, credential } = options;
  const base = new URL(options.target);
  const prefix = base.pathname.replace(/\/+$/, '');
  const pool = new Pool(base.origin, {
    // One more for the health check: a deployment that is full must not look like one that is away.
    connections: options.connections + 1,
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connect: { timeout: CONNECT_TIMEOUT_MS },
    allowH2: false,
    // Deadlines are the router's: one clock decides.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const authorization = credential === undefined ? {} : { authorization: `Bearer ${credential}` };
  /** The name of the bound of the output that this server took after it had refused the other. */
  let learned: LengthField | undefined;

  function ask(call: BackendCall, name: LengthField | undefined): UpstreamResponse {
    const response = new UpstreamResponse(clock);
    const asked = name ? withLengthField(call.call, name) : call.call;
    pool.dispatch({ method: 'POST', path: `${prefix}/chat/completions`, headers: { ...headersOf(call), ...authorization }, body: requestBody(asked, call.upstreamModel) }, response);
    return response;
  }

  return {
    async *chat(call: BackendCall, signal: AbortSignal): AsyncGenerator<ChatEvent[]> {
      signal.throwIfAborted();
      const name = lengthFieldOf(call.call, learned);
      let response = ask(call, name);
      const onAbort = (): void => response.abort(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        let head = await response.head;
        if (head.status !== 200) {
          const refusal = await refusalOf(head, response, clock);
          if (!name || !refusesName(name, head.status, refusal.body)) throw refusal.error;
          response.giveUpUnlessDiscarding();
          yield [attempted(call, refusal.error.code)];
          const other = otherName(name);
          signal.throwIfAborted();
          response = ask(call, other);
          head = await response.head;
          if (head.status !== 200) {
            const second = await refusalOf(head, response, clock);
            throw refusesName(other, head.status, second.body) ? refusal.error : second.error;
          }
          learned = other;
        }
        expectType(head, call.call.stream ? 'text/event-stream' : 'application/json');
        const answer = new AnswerReader(call);
        // Given back when the consumer has taken over what it became, or the call failed.
        using room = call.call.stream ? undefined : wholeAnswers.begin();
        const body = room ? new WholeBody(answer, room) : new StreamBody(answer);
        while (!body.isDone) {
          const pieces = await response.read();
          if (pieces === undefined) break;
          const events = body.push(pieces);
          if (events.length > 0) yield events;
          if (body.fault !== undefined) throw body.fault;
        }
        const last = body.end();
        response.discardRest();
        yield last;
      } catch (thrown) {
        throw signal.aborted ? signal.reason : thrown;
      } finally {
        signal.removeEventListener('abort', onAbort);
        // An error, or a consumer that left.
        response.giveUpUnlessDiscarding();
      }
    },

    probe: (signal) => probe(pool, `${prefix}/models`, authorization, clock, signal),

    close: () => pool.destroy(),
  };
}

/** Asks for the list of models. */
async function probe(pool: Pool, path: string, authorization: Record<string, string>, clock: Clock, signal: AbortSignal): Promise<void> {
  const response = new UpstreamResponse(clock);
  const onAbort = (): void => response.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    pool.dispatch({ method: 'GET', path, headers: { accept: 'application/json', ...authorization } }, response);
    const { status } = await response.head;
    // Only what says that calls will fail: servers without a list of models (404) or that keep it from some keys (403) still answer.
    if (status === 401) throw new ServiceError('backend_unavailable', 'The backend refuses the credential.');
    if (status >= 500) throw new ServiceError('backend_unavailable', `The health check was answered with ${status}.`);
  } finally {
    signal.removeEventListener('abort', onAbort);
    response.discardRest();
  }
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

async function refusalOf(head: ResponseHead, response: UpstreamResponse, clock: Clock): Promise<{ readonly error: ServiceError; readonly body: string }> {
  const limit = clock.after(ERROR_BODY_LIMIT_MS, () => response.abort(new Error('the backend does not end the body of its error')));
  // A body that breaks off says less than the status that came before it.
  const body = await readBody(response).catch(() => '');
  limit.cancel();
  return { error: errorOfStatus(head.status, body, headerOf(head, 'retry-after'), clock.wallMs()), body };
}

/** The body of an error, as far as it is read. */
async function readBody(response: UpstreamResponse): Promise<string> {
  const all: Buffer[] = [];
  let bytes = 0;
  for (let pieces = await response.read(); pieces !== undefined; pieces = await response.read()) {
    all.push(...pieces);
    for (const piece of pieces) bytes += piece.length;
    if (bytes > ERROR_BODY_LIMIT_BYTES) break;
  }
  return Buffer.concat(all, Math.min(bytes, ERROR_BODY_LIMIT_BYTES)).toString('utf8');
}

function expectType(head: ResponseHead, type: string): void {
  const given = (headerOf(head, 'content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase();
  if (given !== type) throw rubbish('the content type is not the one that was asked for');
}

function headerOf(head: ResponseHead, name: string): string | undefined {
  const value = head.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
