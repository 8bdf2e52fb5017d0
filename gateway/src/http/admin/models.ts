import { ServiceError } from '@sluice/errors';
import { DeploymentState, Placement, Protocol, type ListModelsResponse, type Model } from '@sluice/proto/model_registry/v1/model_registry';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { ALL, OPERATORS, adminRoute, type AdminDoor } from './door.ts';
import { aliasView } from './aliases.ts';
import { list, nameInput, time } from './view.ts';

const CREDENTIAL_LIMIT_CHARACTERS = 8192;
const ADDRESS_LIMIT_CHARACTERS = 2048;
const ADDRESS = z.string().min(1, 'it must not be empty').max(ADDRESS_LIMIT_CHARACTERS, 'it is too long');

const newModel = {
  name: nameInput,
  openai: z
    .strictObject({
      base_url: ADDRESS,
      upstream_model: nameInput.nullish(),
      credential: z.string().max(CREDENTIAL_LIMIT_CHARACTERS, 'it is too long').nullish(),
      external: z.boolean().nullish(),
    })
    .optional(),
  gguf: z.strictObject({ path: ADDRESS, digest: z.string().regex(/^sha256:[0-9a-f]{64}$/, 'it must be sha256: and 64 hexadecimal digits') }).optional(),
};

export function modelsRoutes(server: FastifyInstance, door: AdminDoor): void {
  adminRoute(server, door, 'GET', '/models', ALL, async ({ actor, options }) => {
    const known = await door.registry.listModels({ organisationId: actor.organisationId }, options);
    return { json: { ...list(known.models.map((model) => modelView(model, known))), aliases: known.aliases.map((alias) => aliasView(alias, known.models)) } };
  });
  adminRoute(server, door, 'POST', '/models', OPERATORS, async ({ actor, options, body }) => {
    const { name, openai, gguf } = body(newModel);
    if ((openai === undefined) === (gguf === undefined)) throw new ServiceError('invalid_value', "Give exactly one of 'openai' and 'gguf'.", { param: openai ? 'gguf' : 'openai' });
    const source = gguf
      ? { case: 'gguf' as const, value: gguf }
      : {
          case: 'openai' as const,
          value: {
            baseUrl: openai!.base_url,
            upstreamModel: openai!.upstream_model ?? name,
            credential: openai!.credential ?? '',
            placement: openai!.external ? Placement.EXTERNAL : Placement.INSIDE,
          },
        };
    const { model, version, deployment } = await door.registry.addModel({ actor, name, source }, options);
    return { status: 201, json: modelView(model!, { versions: [version!], deployments: [deployment!], aliases: [] }) };
  });
  adminRoute(server, door, 'DELETE', '/models/*', OPERATORS, async ({ actor, options, param }) => {
    const name = param('*');
    const { models, aliases } = await door.registry.listModels({ organisationId: actor.organisationId }, options);
    const id = models.find((model) => model.name === name)?.id;
    await door.registry.removeModel({ actor, name }, options);
    return { json: { object: 'model', name, deleted: true, aliases: aliases.filter(({ modelId }) => modelId === id).map((alias) => alias.name) } };
  });
}

const STATES: Readonly<Record<DeploymentState, string>> = {
  [DeploymentState.UNSPECIFIED]: 'active',
  [DeploymentState.ACTIVE]: 'active',
  [DeploymentState.DRAINING]: 'draining',
  [DeploymentState.REMOVED]: 'removed',
};

function modelView({ id, name, createdAtMs }: Model, known: Pick<ListModelsResponse, 'versions' | 'deployments' | 'aliases'>): object {
  const versions = known.versions.filter(({ modelId }) => modelId === id);
  const versionIds = new Set(versions.map((version) => version.id));
  return {
    object: 'model',
    id,
    name,
    created_at: time(createdAtMs),
    aliases: known.aliases.filter(({ modelId }) => modelId === id).map((alias) => alias.name),
    versions: versions.map((version) => ({
      id: version.id,
      number: version.number,
      digest: version.digest,
      description: version.description,
      created_at: time(version.createdAtMs),
    })),
    deployments: known.deployments
      .filter(({ versionId }) => versionIds.has(versionId))
      .map((deployment) => ({
        id: deployment.id,
        version_id: deployment.versionId,
        protocol: deployment.protocol === Protocol.KSERVE ? 'kserve' : 'openai',
        placement: deployment.placement === Placement.EXTERNAL ? 'external' : 'inside',
        state: STATES[deployment.state],
        target: deployment.target,
        upstream_model: deployment.upstreamModel,
        has_credential: deployment.hasCredential,
      })),
  };
}
