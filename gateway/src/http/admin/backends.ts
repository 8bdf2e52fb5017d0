import type { FastifyInstance } from 'fastify';
import { ALL, adminRoute, type AdminDoor } from './door.ts';
import { list } from './view.ts';

/** How this process sees what it may route to. */
export function backendsRoutes(server: FastifyInstance, door: AdminDoor): void {
  adminRoute(server, door, 'GET', '/backends', ALL, async ({ actor, options }) => {
    const { backends } = await door.inference.listBackends({ organisationId: actor.organisationId }, options);
    return {
      json: list(
        backends.map(({ deploymentId, modelId, versionId, healthy, breaker, inFlight, reason }) => ({
          object: 'backend',
          deployment_id: deploymentId,
          model_id: modelId,
          version_id: versionId,
          healthy,
          breaker,
          in_flight: inFlight,
          reason,
        })),
      ),
    };
  });
}
