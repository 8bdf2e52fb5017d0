import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Principal } from '../../domain/call.ts';
import type { Models, NamedModel } from '../../domain/ports.ts';
import { modelRefusal } from '../../domain/request-flow.ts';
import { shownName } from '../json-members.ts';
import { inRouteSpan } from '../route-span.ts';

export interface ModelsDoor {
  readonly models: Models;
  principal(request: FastifyRequest): Promise<Principal>;
}

/** GET /v1/models and /v1/models/{id}: what the key may call. Ids may hold slashes, raw or as %2F. */
export function modelsRoutes(server: FastifyInstance, { models, principal }: ModelsDoor): void {
  const list = async (request: FastifyRequest): Promise<object> => ({ object: 'list', data: models.list(await principal(request)).map(modelObject) });
  const show = async (request: FastifyRequest): Promise<object> => {
    const caller = await principal(request);
    const name = (request.params as { '*': string })['*'];
    const view = models.resolve(caller, name);
    if (view.state === 'not_allowed') throw modelRefusal('not_allowed');
    const model = models.list(caller).find((candidate) => candidate.name === name);
    if (!model) throw modelRefusal('unknown', shownName(name));
    return modelObject(model);
  };
  server.get('/v1/models', async (request, reply) => send(reply, request, await inRouteSpan(request, () => list(request))));
  server.get('/v1/models/*', async (request, reply) => send(reply, request, await inRouteSpan(request, () => show(request))));
}

function modelObject({ name, createdAtMs }: NamedModel): object {
  return { id: name, object: 'model', created: Math.floor(createdAtMs / 1000), owned_by: 'sluice' };
}

function send(reply: FastifyReply, request: FastifyRequest, body: object): FastifyReply {
  return reply.headers({ 'content-type': 'application/json; charset=utf-8', 'x-request-id': request.id }).send(JSON.stringify(body));
}
