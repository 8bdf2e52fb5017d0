import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { Logger } from '@sluice/telemetry';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ParameterChange, Principal } from '../../domain/call.ts';
import { CallRefusal } from '../../domain/call-refusal.ts';
import { countsInFront } from '../../domain/limits/counted-refusals.ts';
import type { LimitState } from '../../domain/limits/limit-state.ts';
import type { OpenCalls } from '../../domain/open-calls.ts';
import type { CallSummary, RequestFlow } from '../../domain/request-flow.ts';
import type { CallFigures } from '../call-figures.ts';
import { inCallSpan } from '../call-span.ts';
import { fromFramework } from '../error-envelope.ts';
import { shownName } from '../json-members.ts';
import { BODY_LIMIT_BYTES } from '../limits.ts';
import { rateLimitHeaders } from '../rate-limit-headers.ts';
import { logFault, sendError } from '../server.ts';
import { SseWriter } from '../sse-writer.ts';
import { Uploads } from '../uploads.ts';
import { ChatReply } from './reply.ts';
import { emptyCall, readChatRequest, type ChatRequest, type UnderstoodCall } from './request.ts';
import { ChatStream } from './stream.ts';

/** What the routes of calls stand on. */
export interface CallDoor {
  readonly flow: RequestFlow;
  readonly open: OpenCalls;
  readonly figures: CallFigures;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Who calls. Given who it was before, whether that key is still good and what it may do now. */
  principal(request: FastifyRequest, known?: Principal): Promise<Principal>;
}

/** A call at the door: who, since when, and what was understood of it. */
interface Visit {
  readonly abort: AbortController;
  /** Undefined as long as the key was not found good; what a stranger asks is no call. */
  principal: Principal | undefined;
  readonly understood: UnderstoodCall;
  /** What rules made of its parameters. */
  changes: readonly ParameterChange[] | undefined;
  /** True once the body is here and the key is still good: from then on a signal ends a call that is, or may be, admitted. */
  isRead: boolean;
  /** True once limits have let it in. */
  isCounted: boolean;
}

/** POST /v1/chat/completions. */
export function chatCompletionsRoute(server: FastifyInstance, door: CallDoor): void {
  const visits = new WeakMap<FastifyRequest, Visit>();
  // A room of its own, because its bodies are counted while they arrive.
  void server.register((room, _options, done) => {
    countBodies(room, door, visits);
    room.post('/v1/chat/completions', {
      onRequest: async (request, reply) => {
        const abort = await enter(door, request);
        const visit: Visit = { abort, principal: undefined, understood: emptyCall(), changes: undefined, isRead: false, isCounted: false };
        visits.set(request, visit);
        reply.raw.once('close', () => {
          door.open.clientLeft(abort);
          if (!reply.raw.writableFinished) abort.abort(new ServiceError('cancelled', 'The client closed the connection.'));
        });
        visit.principal = await door.principal(request);
      },
      errorHandler: async (thrown, request, reply) => {
        const visit = visits.get(request);
        try {
          await refuse(door, visit, fromFramework(thrown), request, reply);
        } finally {
          if (visit) door.open.workEnded(visit.abort);
        }
      },
      handler: async (request, reply) => {
        const visit = visits.get(request)!;
        try {
          await handle(door, visit, request, reply);
        } catch (thrown) {
          // What is thrown before an answer goes on to the error handler, where the work ends.
          if (reply.sent) door.open.workEnded(visit.abort);
          throw thrown;
        }
        door.open.workEnded(visit.abort);
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
    const { abort } = visits.get(request)!;
    const announced = request.headers['content-length'];
    uploads.read(body, announced === undefined ? undefined : Number(announced), { signal: abort.signal, hold: (bytes) => door.open.hold(abort, bytes) }, done);
  });
}

/** Lets a call in. That somebody we know is not let in is on record before it is told; what cannot be recorded is counted. */
async function enter(door: CallDoor, request: FastifyRequest): Promise<AbortController> {
  try {
    return door.open.enter();
  } catch (thrown) {
    const error = ServiceError.from(thrown);
    const leave = door.open.turnAway();
    if (leave) await recordTurnedAway(door, error, request).finally(leave);
    else door.figures.unrecorded(error.code);
    throw error;
  }
}

async function recordTurnedAway(door: CallDoor, error: ServiceError, request: FastifyRequest): Promise<void> {
  try {
    await door.flow.refuse(request.id, await door.principal(request), emptyCall(), error);
  } catch (thrown) {
    // Below 500 only a key is at fault here, and what a stranger asks is no call.
    if (ServiceError.from(thrown).httpStatus >= 500) door.figures.unrecorded(error.code);
  }
}

/** A body may take long to arrive, and a key may die meanwhile or lose what it might do: what counts is what it may do now. */
async function handle(door: CallDoor, visit: Visit, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const principal = await door.principal(request, visit.principal);
  visit.abort.signal.throwIfAborted();
  visit.principal = principal;
  visit.isRead = true;
  if (!Buffer.isBuffer(request.body)) throw new ServiceError('invalid_json', 'We could not parse the JSON body of your request. The body is empty.');
  await answer(door, visit, principal, readChatRequest(request.body, visit.understood), request, reply);
}

async function answer(door: CallDoor, visit: Visit, principal: Principal, { call, messagesTokens, includeUsage }: ChatRequest, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { abort } = visit;
  const frame = { id: `chatcmpl-${request.id}`, createdSeconds: Math.floor(door.clock.wallMs() / 1000), model: call.model, includeUsage };
  const headers: Record<string, string> = { 'x-request-id': request.id };
  // On an answer by what is set here; on an error that comes later by what the reply has.
  const limited = (state: LimitState | undefined): void => {
    visit.isCounted = true;
    void reply.headers(Object.assign(headers, rateLimitHeaders(state)));
  };
  const changed = (changes: readonly ParameterChange[]): void => void (visit.changes = changes);
  const open = { callId: request.id, principal, call, messagesTokens, abort, hold: (bytes: number) => door.open.hold(abort, bytes), changed, limited };
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

/**
 * A refusal of somebody we know is on record before it is told. Where the log takes no records, what could say something
 * of the request is not told; that Sluice itself cannot answer now is told, and counted as unrecorded.
 */
async function refuse(door: CallDoor, visit: Visit | undefined, thrown: ServiceError, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const error = await counted(door, visit, thrown, reply);
  let told = error;
  door.figures.refused(error.code);
  // A call that was ended by a signal was admitted, and has its record or has lost it; or its client left. What refuses a call was before that.
  const isRefused = error instanceof CallRefusal || error.httpStatus < 500;
  if (visit?.principal && (!visit.isRead || isRefused || !visit.abort.signal.aborted)) {
    try {
      await door.flow.refuse(request.id, visit.principal, { ...visit.understood, model: shownName(visit.understood.model), changes: visit.changes }, error);
    } catch (lost) {
      door.figures.unrecorded(error.code);
      if (error.httpStatus < 500) told = ServiceError.from(lost);
    }
  }
  // Who left is told nothing, whatever stands on record.
  endWithError(door, thrown.code === 'cancelled' ? thrown : told, request, reply);
}

/** What refuses a call: limits, where they have not seen it yet and have no room for it; else what is thrown, and it counts as a request. */
async function counted(door: CallDoor, visit: Visit | undefined, thrown: ServiceError, reply: FastifyReply): Promise<ServiceError> {
  if (!visit?.principal || visit.isCounted || !countsInFront(thrown.code)) return thrown;
  try {
    void reply.headers(rateLimitHeaders(await door.flow.count(visit.principal)));
    return thrown;
  } catch (full) {
    return ServiceError.from(full);
  }
}
