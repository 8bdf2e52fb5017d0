import { ServiceError } from '@sluice/errors';
import type { Actor } from '@sluice/events';
import { checkModelName } from './model-name.ts';
import type { Alias } from './model.ts';
import type { Administration, RegistryState } from './ports.ts';

/** Every router holds every alias in memory. */
export const MAX_ALIASES = 10_000;

/** Gives a model another name, or moves that name to another model. An alias names a model, never another alias. */
export async function setAlias(
  { acts, permissions, clock }: Administration, actor: Actor, given: string, modelName: string,
): Promise<Alias> {
  const name = checkModelName(given, 'alias');
  checkModelName(modelName, 'model_name');
  await permissions.require(actor, 'model.change');
  return acts.act(actor.organisationId, async (state) => {
    if (await state.model(name)) throw new ServiceError('already_exists', 'A model has this name.', { param: 'alias' });
    const model = (await state.model(modelName)) ?? (await noSuchTarget(state, modelName));
    const known = await state.alias(name);
    if (known?.modelId === model.id) return known;
    if (!known && (await state.counts()).aliases >= MAX_ALIASES) {
      throw new ServiceError('failed_precondition', `An organisation has at most ${MAX_ALIASES} aliases.`);
    }
    const alias = { name, modelId: model.id, organisationId: actor.organisationId };
    await state.putAlias(alias);
    const act = { actor, action: 'alias.set', object: `alias:${name}`, atMs: clock.wallMs(), detail: { model: modelName, model_id: model.id } };
    await state.record(act, { aliases: [alias] });
    return alias;
  });
}

/** Forgets an alias. Errors: `not_found`. */
export async function removeAlias({ acts, permissions, clock }: Administration, actor: Actor, given: string): Promise<void> {
  const name = checkModelName(given, 'alias');
  await permissions.require(actor, 'model.change');
  await acts.act(actor.organisationId, async (state) => {
    const alias = await state.alias(name);
    if (!alias) throw new ServiceError('not_found', 'There is no such alias.', { param: 'alias' });
    await state.deleteAlias(name);
    const act = { actor, action: 'alias.removed', object: `alias:${name}`, atMs: clock.wallMs(), detail: { model_id: alias.modelId } };
    await state.record(act, { removedAliasNames: [name] });
  });
}

async function noSuchTarget(state: RegistryState, modelName: string): Promise<never> {
  if (await state.alias(modelName)) {
    throw new ServiceError('failed_precondition', 'An alias cannot name another alias; name its model.', { param: 'model_name' });
  }
  throw new ServiceError('model_not_found', 'No model has this name.', { param: 'model_name' });
}
