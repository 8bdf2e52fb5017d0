import { ServiceError } from '@sluice/errors';
import { jsonOutputsOf, readRestRequest, writeRestResponse, type WantedBinary } from '@sluice/kserve';
import type { Health } from '@sluice/lifecycle';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { fromFramework } from '../error-envelope.ts';
import { TENSOR_BODY_LIMIT_BYTES } from '../limits.ts';
import { rateLimitHeaders } from '../rate-limit-headers.ts';
import { inRouteSpan } from '../route-span.ts';
import { logFault, sendError } from '../server.ts';
import { Uploads } from '../uploads.ts';
import { modelAddress, type ModelAddress } from './model-address.ts';
import { configJson, isModelReady, metadataJson, modelFacts, SERVER_FACTS } from './model-facts.ts';
import { tensorCall } from './tensor-call.ts';
import { TensorVisit, type TensorDoor } from './tensor-visit.ts';

const JSON_LENGTH_HEADER = 'inference-header-content-length';

/**
 * KServe v2 over HTTP (`/v2/...`), with the binary tensor data extension: calls with tensors, and what a client asks before
 * them. Errors are `{"error": "..."}`, as its clients expect them. What would show one tenant another one, or drive a
 * server, is not served.
 */
export function tensorRoutes(server: FastifyInstance, door: TensorDoor & { readonly health: Health }): void {
  void server.register((room, _options, done) => {
    const visits = new WeakMap<FastifyRequest, TensorVisit>();
    countBodies(room, door, visits);
    room.setErrorHandler((thrown, request, reply) => tell(door, fromFramework(thrown), request, reply));
    room.get('/v2', (request, reply) => sendJson(reply, request, SERVER_FACTS));
    room.get('/v2/health/live', (_request, reply) => reply.send());
    room.get('/v2/health/ready', (_request, reply) => reply.code(door.health.report().status === 'down' || door.open.draining ? 503 : 200).send());
    room.get('/v2/models/*', async (request, reply) => inRouteSpan(request, () => show(door, request, reply)));
    inferRoute(room, door, visits);
    room.all('/v2/*', () => Promise.reject(notServed()));
    done();
  });
}

function inferRoute(room: FastifyInstance, door: TensorDoor, visits: WeakMap<FastifyRequest, TensorVisit>): void {
  room.post('/v2/models/*', {
    onRequest: async (request, reply) => {
      const tensors = await TensorVisit.enter(door, request.id, request.headers.authorization, addressOf(request).model);
      visits.set(request, tensors);
      const { visit } = tensors;
      reply.raw.once('close', () => visit.clientLeft(reply.raw.writableFinished));
      await visit.authenticate();
    },
    errorHandler: async (thrown, request, reply) => {
      const tensors = visits.get(request);
      const error = fromFramework(thrown);
      try {
        const told = tensors ? await tensors.refuse(error) : error;
        void reply.headers(rateLimitHeaders(tensors?.visit.limits));
        tell(door, told, request, reply);
      } finally {
        tensors?.visit.workEnded();
      }
    },
    handler: async (request, reply) => {
      const tensors = visits.get(request)!;
      const { visit } = tensors;
      let wanted: WantedBinary = { byDefault: false, named: new Map() };
      try {
        const response = await inRouteSpan(request, () => tensors.run(() => {
          const { model, version, what } = addressOf(request);
          if (what !== 'infer') throw notServed();
          const read = readRestRequest(bodyOf(request), jsonLength(request), TENSOR_BODY_LIMIT_BYTES);
          wanted = read.wanted;
          return { ...tensorCall(model, version, read.request), jsonOutputs: jsonOutputsOf(read) };
        }));
        const { body, jsonBytes } = writeRestResponse(response, wanted);
        visit.hold(body.length);
        const type = jsonBytes === undefined ? { 'content-type': 'application/json; charset=utf-8' } : { 'content-type': 'application/octet-stream', [JSON_LENGTH_HEADER]: String(jsonBytes) };
        void reply.headers({ ...type, 'x-request-id': request.id, ...rateLimitHeaders(visit.limits) }).send(body);
      } catch (thrown) {
        const told = await tensors.refuse(thrown);
        void reply.headers(rateLimitHeaders(visit.limits));
        tell(door, told, request, reply);
      } finally {
        visit.workEnded();
      }
      return reply;
    },
  });
}

/** Any type of content: clients of KServe v2 say none, or one for each of the two forms. */
function countBodies(room: FastifyInstance, door: TensorDoor, visits: WeakMap<FastifyRequest, TensorVisit>): void {
  const uploads = new Uploads(door.clock, TENSOR_BODY_LIMIT_BYTES);
  room.removeAllContentTypeParsers();
  room.addContentTypeParser('*', (request, body, done) => {
    const visit = visits.get(request)?.visit;
    if (!visit) return done(notServed());
    const announced = request.headers['content-length'];
    uploads.read(body, announced === undefined ? undefined : Number(announced), { signal: visit.abort.signal, hold: (bytes) => visit.hold(bytes) }, done);
  });
}

async function show(door: TensorDoor, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { model, version, what } = addressOf(request);
  const principal = await door.principalOf(request.headers.authorization);
  const { signal } = leaving(reply);
  if (what === 'ready') return reply.code((await isModelReady(door, principal, model, version, signal)) ? 200 : 404).headers({ 'x-request-id': request.id }).send();
  if (what !== 'metadata' && what !== 'config') throw notServed();
  const { metadata, config } = await modelFacts(door, principal, model, version, signal);
  return sendJson(reply, request, what === 'config' ? configJson(config) : metadataJson(metadata));
}

function leaving(reply: FastifyReply): AbortController {
  const abort = new AbortController();
  reply.raw.once('close', () => abort.abort(new ServiceError('cancelled', 'The client closed the connection.')));
  return abort;
}

function addressOf(request: FastifyRequest): ModelAddress {
  const address = modelAddress((request.params as { '*': string })['*']);
  if (!address) throw notServed();
  return address;
}

function bodyOf({ body }: FastifyRequest): Buffer {
  if (Buffer.isBuffer(body)) return body;
  throw new ServiceError('invalid_json', 'We could not parse the JSON of your request. The body is empty.');
}

function jsonLength({ headers }: FastifyRequest): number | undefined {
  const value = headers[JSON_LENGTH_HEADER];
  if (value === undefined) return undefined;
  return typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
}

function notServed(): ServiceError {
  return new ServiceError('unknown_url', 'This address of KServe v2 is not served here: models are asked with POST /v2/models/{name}/infer.');
}

function tell(door: TensorDoor, error: ServiceError, request: FastifyRequest, reply: FastifyReply): void {
  logFault(door.logger, error, request);
  if (error.code !== 'cancelled') return sendError(door.clock, reply, error, request.id, JSON.stringify({ error: error.message }));
  reply.hijack();
  reply.raw.destroy();
}

function sendJson(reply: FastifyReply, request: FastifyRequest, body: unknown): FastifyReply {
  return reply.headers({ 'content-type': 'application/json; charset=utf-8', 'x-request-id': request.id }).send(JSON.stringify(body));
}
