import { ServiceError } from '@sluice/errors';
import type { Actor } from '@sluice/events';
import { checkModelName } from './model-name.ts';
import type { Deployment } from './model.ts';
import type { Administration } from './ports.ts';

/** Takes a model out of service and frees its name and aliases; its versions stay in the record. Errors: `model_not_found`. */
export async function removeModel({ acts, permissions, clock }: Administration, actor: Actor, given: string): Promise<void> {
  const name = checkModelName(given, 'name');
  await permissions.require(actor, 'model.change');
  await acts.act(actor.organisationId, async (state) => {
    const model = await state.model(name);
    if (!model) throw new ServiceError('model_not_found', 'No model has this name.', { param: 'name' });
    const atMs = clock.wallMs();
    const aliases = (await state.aliasesOf(model.id)).map((alias) => alias.name);
    for (const alias of aliases) await state.deleteAlias(alias);
    const deployments = (await state.deployments(model.id)).map((deployment): Deployment => ({ ...deployment, state: 'removed' }));
    for (const deployment of deployments) await state.setDeploymentState(deployment);
    await state.markModelRemoved(model.id, atMs);
    const detail = { aliases: aliases.length, deployments: deployments.length, name };
    await state.record(
      { actor, action: 'model.removed', object: `model:${model.id}`, atMs, detail },
      { deployments, removedModelIds: [model.id], removedAliasNames: aliases },
    );
  });
}
