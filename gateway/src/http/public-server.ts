import type { FastifyInstance } from 'fastify';
import { chatCompletionsRoute, type CallDoor } from './chat-completions/route.ts';
import { healthRoutes, type HealthDoor } from './health.ts';
import { BODY_LIMIT_BYTES } from './limits.ts';
import { modelsRoutes, type ModelsDoor } from './models/route.ts';
import { createServer } from './server.ts';
import { tensorRoutes } from './tensors/http-routes.ts';
import type { TensorDoor } from './tensors/tensor-visit.ts';

/** What all that applications call stands on. */
export type PublicDoor = CallDoor & HealthDoor & ModelsDoor & TensorDoor;

/** Where applications call: OpenAI's API, KServe v2, and what a balancer asks. */
export function publicServer(door: PublicDoor): FastifyInstance {
  const server = createServer({ clock: door.clock, ids: door.ids, logger: door.logger, bodyLimitBytes: BODY_LIMIT_BYTES });
  chatCompletionsRoute(server, door);
  modelsRoutes(server, door);
  tensorRoutes(server, door);
  healthRoutes(server, door);
  return server;
}
