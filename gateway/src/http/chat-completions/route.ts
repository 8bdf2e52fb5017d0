import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { Logger } from '@sluice/telemetry';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { CallSummary } from '../../domain/request-flow.ts';
import { inCallSpan } from '../call-span.ts';
import { CallVisit, type VisitDoor } from '../call-visit.ts';
import { fromFramework } from '../error-envelope.ts';
import { BODY_LIMIT_BYTES } from '../limits.ts';
import { rateLimitHeaders } from '../rate-limit-headers.ts';
import { logFault, sendError } from '../server.ts';
import { SseWriter } from '../sse-writer.ts';
import { Uploads } from '../uploads.ts';
import { ChatReply } from './reply.ts';
import { emptyCall, readChatRequest, type ChatRequest, type UnderstoodCall } from './request.ts';
import { ChatStream } from './stream.ts';

/** What the routes of calls stand on. */
export interface CallDoor extends VisitDoor {
  readonly clock: Clock;
  readonly logger: Logger;
}

type Visit = CallVisit<UnderstoodCall>;

/** POST /v1/chat/completions. */
export function chatCompletionsRoute(server: FastifyInstance, door: CallDoor): void {
  const visits = new WeakMap<FastifyRequest, Visit>();
  // A room of its own, because its bodies are counted while they arrive.
  void server.register((room, _options, done) => {
    countBodies(room, door, visits);
    room.post('/v1/chat/completions', {
      onRequest: async (request, reply) => {
        const visit = await CallVisit.enter(door, request.id, request.headers.authorization, emptyCall());
        visits.set(request, visit);
        reply.raw.once('close', () => visit.clientLeft(reply.raw.writableFinished));
        await visit.authenticate();
      },
      errorHandler: async (thrown, request, reply) => {
        const visit = visits.get(request);
        const error = fromFramework(thrown);
        try {
          const told = visit ? await visit.refuse(error) : error;
          void reply.headers(rateLimitHeaders(visit?.limits));
          endWithError(door, told, request, reply);
        } finally {
          visit?.workEnded();
        }
      },
      handler: async (request, reply) => {
        const visit = visits.get(request)!;
        try {
          await handle(door, visit, request, reply);
        } catch (thrown) {
          // What is thrown before an answer goes on to the error handler, where the work ends.
          if (reply.sent) visit.workEnded();
          throw thrown;
        }
        visit.workEnded();
        return reply;
      },
    });
    done();
  });
}

function countBodies(room: FastifyInstance, door: CallDoor, visits: WeakMap<FastifyRequest, Visit>): void {
  const uploads = new Uploads(door.clock, BODY_LIMIT_BYTES);
  room.removeContentTypeParser('application/json');
  room.addContentTypeParser('application/json', (request, body, done) => {
    const visit = visits.get(request)!;
    const announced = request.headers['content-length'];
    uploads.read(body, announced === undefined ? undefined : Number(announced), { signal: visit.abort.signal, hold: (bytes) => visit.hold(bytes) }, done);
  });
}

async function handle(door: CallDoor, visit: Visit, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  await visit.bodyArrived();
  if (!Buffer.isBuffer(request.body)) throw new ServiceError('invalid_json', 'We could not parse the JSON body of your request. The body is empty.');
  await answer(door, visit, readChatRequest(request.body, visit.understood), request, reply);
}

async function answer(door: CallDoor, visit: Visit, { call, messagesTokens, includeUsage }: ChatRequest, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const frame = { id: `chatcmpl-${request.id}`, createdSeconds: Math.floor(door.clock.wallMs() / 1000), model: call.model, includeUsage };
  const headers: Record<string, string> = { 'x-request-id': request.id };
  // On an answer by what is set here; on an error that comes later by what the reply has.
  const open = visit.opened(call, messagesTokens, (state) => void reply.headers(Object.assign(headers, rateLimitHeaders(state))));
  const run = (sink: ChatStream | ChatReply): Promise<CallSummary> => inCallSpan(request.headers, request.id, call, () => door.flow.run(open, sink));
  if (call.stream) return stream(door, new ChatStream(frame, new SseWriter(reply.raw, headers, door.clock)), run, request, reply);
  const whole = new ChatReply();
  const summary = await run(whole);
  door.figures.ended(false, summary);
  if (summary.error) return endWithError(door, summary.error, request, reply);
  void reply.headers({ 'content-type': 'application/json; charset=utf-8', ...headers }).send(whole.body(frame));
}

/** Until the first event has left, errors are told by status; behind it, by one last event. */
async function stream(door: CallDoor, sink: ChatStream, run: (sink: ChatStream) => Promise<CallSummary>, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  try {
    const summary = await run(sink);
    door.figures.ended(true, summary);
    if (!summary.error) {
      reply.hijack();
      sink.finish();
    } else if (sink.started) failStream(door, sink, summary.error, request, reply);
    else endWithError(door, summary.error, request, reply);
  } catch (thrown) {
    if (!sink.started) throw thrown;
    failStream(door, sink, ServiceError.from(thrown), request, reply);
  }
}

function failStream(door: CallDoor, sink: ChatStream, error: ServiceError, request: FastifyRequest, reply: FastifyReply): void {
  logFault(door.logger, error, request);
  reply.hijack();
  sink.fail(error);
}

/** A call that failed before any output; its end is on record already. */
function endWithError(door: CallDoor, error: ServiceError, request: FastifyRequest, reply: FastifyReply): void {
  logFault(door.logger, error, request);
  if (error.code === 'cancelled') {
    reply.hijack();
    reply.raw.destroy();
  } else sendError(door.clock, reply, error, request.id);
}
