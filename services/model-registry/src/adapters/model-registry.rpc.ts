import { actorOf } from '@sluice/events';
import type { Platform } from '@sluice/platform';
import type { ModelRegistryService } from '@sluice/proto/model_registry/v1/model_registry';
import type { Implementation } from '@sluice/rpc';
import type { Sql } from '@sluice/sql';
import { actCounter } from '@sluice/telemetry';
import { addModel } from '../domain/add-model.ts';
import { removeAlias, setAlias } from '../domain/aliases.ts';
import type { Administration, ModelServers } from '../domain/ports.ts';
import { removeModel } from '../domain/remove-model.ts';
import type { Credentials } from './credentials.ts';
import { aliasMessage, deploymentMessage, modelMessage, sourceOf, versionMessage } from './messages.ts';
import { listModels, readSnapshot, type Registry } from './reads-sql.ts';

const countAct = actCounter('model-registry');

/** One function an rpc: contract to domain and back. */
export function modelRegistryRpc(
  { events }: Pick<Platform, 'events'>, sql: Sql, credentials: Credentials, administration: Administration & { readonly servers: ModelServers },
): Implementation<typeof ModelRegistryService> {
  return {
    async getSnapshot() {
      const { position, credentials: tokens, ...registry } = await readSnapshot(sql, events, credentials);
      return { ...registryMessages(registry), position, credentials: [...tokens] };
    },
    addModel: (request) =>
      countAct('model.add', async () => {
        const added = await addModel(administration, actorOf(request.actor), request.name, sourceOf(request));
        return {
          model: modelMessage(added.model),
          version: versionMessage(added.version),
          deployment: deploymentMessage(added.deployment),
        };
      }),
    async listModels({ organisationId }) {
      return registryMessages(await listModels(sql, organisationId));
    },
    removeModel: (request) =>
      countAct('model.remove', async () => {
        await removeModel(administration, actorOf(request.actor), request.name);
        return {};
      }),
    setAlias: (request) =>
      countAct('alias.set', async () => {
        return { alias: aliasMessage(await setAlias(administration, actorOf(request.actor), request.alias, request.modelName)) };
      }),
    removeAlias: (request) =>
      countAct('alias.remove', async () => {
        await removeAlias(administration, actorOf(request.actor), request.alias);
        return {};
      }),
  };
}

function registryMessages({ models, versions, deployments, aliases }: Registry) {
  return {
    models: models.map(modelMessage),
    versions: versions.map(versionMessage),
    deployments: deployments.map(deploymentMessage),
    aliases: aliases.map(aliasMessage),
  };
}
