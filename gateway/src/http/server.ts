import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Clock, Ids } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { Logger } from '@sluice/telemetry';
import { errorAnswer, fromFramework } from './error-envelope.ts';
import { CLIENT_STALL_LIMIT_MS, HEADERS_LIMIT_BYTES, KEEP_ALIVE_TIMEOUT_MS, REQUEST_TIMEOUT_MS } from './limits.ts';
import { boundUnreadRequest, endLingering } from './linger.ts';
import { endStalledAnswers } from './stalled-answer.ts';

export interface ServerOptions {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly bodyLimitBytes: number;
}

/**
 * A listener of the house: ids, limits, and one envelope for every error, also those of Fastify and of Node's parser.
 * Bodies arrive as bytes; who reads them decides what they are.
 */
export function createServer({ clock, ids, logger, bodyLimitBytes }: ServerOptions): FastifyInstance {
  const server = fastify({
    logger: false,
    bodyLimit: bodyLimitBytes,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    // Node's own refusal of a request without Host has no body.
    http: { maxHeaderSize: HEADERS_LIMIT_BYTES, requireHostHeader: false },
    genReqId: () => ids.callId(),
    requestIdHeader: false,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    clientErrorHandler: (error, socket) => answerOnSocket(clock, socket, fromFramework(error), ids.callId()),
    frameworkErrors: (error, request, reply) => sendError(clock, reply, fromFramework(error), request.id),
  });
  endStalledAnswers(server.server, CLIENT_STALL_LIMIT_MS);
  // Node's own refusal of an expectation has no body either.
  server.server.on('checkExpectation', (request, response) => server.server.emit('request', request, response));
  server.addHook('onRequest', (request, _reply, done) => done(unmet(request)));
  const routes = new KnownRoutes();
  server.addHook('onRoute', ({ method, url }) => routes.add(method, url));
  server.removeAllContentTypeParsers();
  server.addHook('preParsing', (request, _reply, _payload, done) => done(compressed(request)));
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  server.setErrorHandler((thrown, request, reply) => {
    const error = fromFramework(thrown);
    logFault(logger, error, request);
    sendError(clock, reply, error, request.id);
  });
  server.setNotFoundHandler((request, reply) => sendError(clock, reply, notFound(routes, request, reply), request.id));
  return server;
}

/** Sends an error, in OpenAI's envelope unless another body is given. */
export function sendError(clock: Clock, reply: FastifyReply, error: ServiceError, requestId: string, otherBody?: string): void {
  const { status, headers, body } = errorAnswer(error, requestId);
  void reply.code(status).headers(headers);
  const request = reply.request.raw;
  if (!request.complete) {
    // Fastify would close at once, and the client that still sends would lose the answer.
    void reply.removeHeader('connection');
    boundUnreadRequest(clock, request, reply.raw);
  }
  void reply.send(otherBody ?? body);
}

/** The cause of a fault goes to the log, never to the client. */
export function logFault(logger: Logger, error: ServiceError, request: FastifyRequest): void {
  if (error.code !== 'internal') return;
  logger.error({ requestId: request.id, route: request.routeOptions.url, err: error.cause instanceof Error ? error.cause : error }, 'a request failed');
}

/** What HTTP asks of every request (RFC 9112 section 3.2), and what none may ask of us (RFC 9110 section 10.1.1). */
function unmet({ raw, headers }: FastifyRequest): ServiceError | undefined {
  if (headers.host === undefined && raw.httpVersion === '1.1') return new ServiceError('invalid_json', 'The request is not valid HTTP: it has no Host header.');
  const { expect } = headers;
  if (expect === undefined || /^100-continue$/i.test(expect)) return undefined;
  return new ServiceError('expectation_failed', "The only expectation that is met is 'Expect: 100-continue'.");
}

/** A compressed body could be a thousand times larger than the limit that was checked; no SDK sends one. */
function compressed(request: FastifyRequest): ServiceError | undefined {
  const encoding = request.headers['content-encoding'];
  if (encoding === undefined || encoding === '' || encoding.toLowerCase() === 'identity') return undefined;
  return new ServiceError('unsupported_media_type', 'Compressed bodies are not taken: send plain JSON, without Content-Encoding.');
}

const PATH_SHOWN_CHARACTERS = 128;

/** Which routes there are, to tell a wrong method from a wrong address. */
class KnownRoutes {
  readonly #routes: { readonly method: string; readonly pattern: RegExp }[] = [];

  add(method: string | string[], url: string): void {
    const pattern = new RegExp(`^${url.replace(/:[a-z]+/g, '[^/]+').replace(/\*/g, '.+')}$`);
    for (const one of [method].flat()) this.#routes.push({ method: one, pattern });
  }

  methods(path: string): string[] {
    return this.#routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
  }
}

function notFound(routes: KnownRoutes, request: FastifyRequest, reply: FastifyReply): ServiceError {
  const path = request.url.split('?', 1)[0]!;
  const shown = path.slice(0, PATH_SHOWN_CHARACTERS).replace(/[^\x21-\x7e]/g, '?');
  const allowed = routes.methods(path);
  if (allowed.length === 0) return new ServiceError('unknown_url', `Invalid URL (${request.method} ${shown})`);
  void reply.header('allow', allowed.join(', '));
  return new ServiceError('method_not_supported', `Not allowed to ${request.method} on ${shown} (allowed: ${allowed.join(', ')}).`);
}

/** A fault below Fastify: the request could not even be read. */
function answerOnSocket(clock: Clock, socket: Socket, error: ServiceError, requestId: string): void {
  if (!socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const { status, headers, body } = errorAnswer(error, requestId);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('');
  endLingering(clock, socket, `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\n${lines}content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`);
}
