import { ServiceError } from '@sluice/errors';
import { DeploymentState, Placement, Protocol, type ListModelsResponse, type Model, type TensorSpec } from '@sluice/proto/model_registry/v1/model_registry';
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
  kserve: z.strictObject({ address: ADDRESS, upstream_model: nameInput.nullish(), external: z.boolean().nullish(), managed: z.boolean().nullish() }).optional(),
  gguf: z.strictObject({ path: ADDRESS, digest: z.string().regex(/^sha256:[0-9a-f]{64}$/, 'it must be sha256: and 64 hexadecimal digits') }).optional(),
};

export function modelsRoutes(server: FastifyInstance, door: AdminDoor): void {
  adminRoute(server, door, 'GET', '/models', ALL, async ({ actor, options }) => {
    const known = await door.registry.listModels({ organisationId: actor.organisationId }, options);
    return { json: { ...list(known.models.map((model) => modelView(model, known))), aliases: known.aliases.map((alias) => aliasView(alias, known.models)) } };
  });
  adminRoute(server, door, 'POST', '/models', OPERATORS, async ({ actor, options, body }) => {
    const { name, ...given } = body(newModel);
    const { model, version, deployment } = await door.registry.addModel({ actor, name, source: sourceOf(name, given) }, options);
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

type Given = Omit<z.output<z.ZodObject<typeof newModel>>, 'name'>;

/** Where the model is, of which a request says exactly one. */
function sourceOf(name: string, { openai, kserve, gguf }: Given) {
  const [, second] = Object.entries({ openai, kserve, gguf }).filter(([, value]) => value !== undefined);
  if (second) throw new ServiceError('invalid_value', "Give exactly one of 'openai', 'kserve' and 'gguf'.", { param: second[0] });
  const placement = (openai ?? kserve)?.external ? Placement.EXTERNAL : Placement.INSIDE;
  if (gguf) return { case: 'gguf' as const, value: gguf };
  if (kserve) return { case: 'kserve' as const, value: { address: kserve.address, upstreamModel: kserve.upstream_model ?? name, placement, managed: kserve.managed ?? false } };
  if (openai) return { case: 'openai' as const, value: { baseUrl: openai.base_url, upstreamModel: openai.upstream_model ?? name, credential: openai.credential ?? '', placement } };
  throw new ServiceError('invalid_value', "Give exactly one of 'openai', 'kserve' and 'gguf'.", { param: 'openai' });
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
      ...(version.signature && { inputs: version.signature.inputs.map(tensorView), outputs: version.signature.outputs.map(tensorView) }),
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
        managed: deployment.managed,
      })),
  };
}

function tensorView({ name, datatype, shape }: TensorSpec): object {
  return { name, datatype, shape: shape.map(Number) };
}
