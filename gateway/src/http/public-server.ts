import type { FastifyInstance } from 'fastify';
import type { Ids } from '@sluice/clock';
import { chatCompletionsRoute, type CallDoor } from './chat-completions/route.ts';
import { healthRoutes, type HealthDoor } from './health.ts';
import { BODY_LIMIT_BYTES } from './limits.ts';
import { modelsRoutes, type ModelsDoor } from './models/route.ts';
import { createServer } from './server.ts';

/** Where applications call: OpenAI's API, and what a balancer asks. */
export function publicServer(door: CallDoor & HealthDoor & ModelsDoor & { readonly ids: Ids }): FastifyInstance {
  const server = createServer({ clock: door.clock, ids: door.ids, logger: door.logger, bodyLimitBytes: BODY_LIMIT_BYTES });
  chatCompletionsRoute(server, door);
  modelsRoutes(server, door);
  healthRoutes(server, door);
  return server;
}
