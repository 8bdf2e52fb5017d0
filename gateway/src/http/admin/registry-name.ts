import { ServiceError } from '@sluice/errors';
import type { AdminDoor, AdminRequest } from './door.ts';

/**
 * The registry's name of a model or alias: what is set for a model holds for all its aliases, and an alias has nothing of its own.
 *
 * @param what is set: `price`
 * @throws model_not_found
 */
export async function registryName(door: AdminDoor, request: AdminRequest, name: string, what: string): Promise<string> {
  const known = await knownModel(door, request, name);
  if (known === undefined) throw new ServiceError('model_not_found', `There is no model or alias \`${name}\`: add the model before its ${what}.`, { param: 'model' });
  return known;
}

/** The same; undefined where there is none. */
export async function knownModel(door: AdminDoor, { actor, options }: AdminRequest, name: string): Promise<string | undefined> {
  const { models, aliases } = await door.registry.listModels({ organisationId: actor.organisationId }, options);
  const alias = aliases.find((candidate) => candidate.name === name);
  return models.find((candidate) => (alias ? candidate.id === alias.modelId : candidate.name === name))?.name;
}
