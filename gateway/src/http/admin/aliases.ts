import type { Alias, Model } from '@sluice/proto/model_registry/v1/model_registry';
import type { FastifyInstance } from 'fastify';
import { OPERATORS, adminRoute, type AdminDoor } from './door.ts';
import { nameInput } from './view.ts';

export function aliasesRoutes(server: FastifyInstance, door: AdminDoor): void {
  adminRoute(server, door, 'PUT', '/aliases/*', OPERATORS, async ({ actor, options, param, body }) => {
    const { model } = body({ model: nameInput });
    const { alias } = await door.registry.setAlias({ actor, alias: param('*'), modelName: model }, options);
    return { json: { object: 'alias', name: alias!.name, model, model_id: alias!.modelId } };
  });
  adminRoute(server, door, 'DELETE', '/aliases/*', OPERATORS, async ({ actor, options, param }) => {
    const name = param('*');
    await door.registry.removeAlias({ actor, alias: name }, options);
    return { json: { object: 'alias', name, deleted: true } };
  });
}

export function aliasView({ name, modelId }: Alias, models: readonly Model[]): object {
  return { object: 'alias', name, model: models.find(({ id }) => id === modelId)?.name ?? null, model_id: modelId };
}
