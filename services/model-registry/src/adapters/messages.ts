import { create } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import {
  AliasSchema, DeploymentSchema, DeploymentState as StateNumber, ModelSchema, Placement as PlacementNumber, Protocol as ProtocolNumber,
  VersionSchema, type AddModelRequest, type Alias as AliasMessage, type Deployment as DeploymentMessage, type Model as ModelMessage,
  type Version as VersionMessage,
} from '@sluice/proto/model_registry/v1/model_registry';
import { RegistryChangedSchema, type RegistryChanged } from '@sluice/proto/events/v1/changes';
import type { Alias, Deployment, DeploymentState, Model, Placement, Protocol, Version } from '../domain/model.ts';
import type { Change } from '../domain/ports.ts';
import type { ServedSource } from '../domain/served-source.ts';
import type { TensorSpec } from '../domain/signature.ts';
import type { Source } from '../domain/source.ts';

const PROTOCOLS: Readonly<Record<Protocol, ProtocolNumber>> = { openai: ProtocolNumber.OPENAI, kserve: ProtocolNumber.KSERVE };
const PLACEMENTS: Readonly<Record<Placement, PlacementNumber>> = { inside: PlacementNumber.INSIDE, external: PlacementNumber.EXTERNAL };
const STATES: Readonly<Record<DeploymentState, StateNumber>> = {
  active: StateNumber.ACTIVE,
  draining: StateNumber.DRAINING,
  removed: StateNumber.REMOVED,
};

export function modelMessage({ createdAtMs, ...model }: Model): ModelMessage {
  return create(ModelSchema, { ...model, createdAtMs: BigInt(createdAtMs) });
}

export function versionMessage({ createdAtMs, signature, ...version }: Version): VersionMessage {
  const tensors = signature && { signature: { inputs: signature.inputs.map(tensorMessage), outputs: signature.outputs.map(tensorMessage) } };
  return create(VersionSchema, { ...version, createdAtMs: BigInt(createdAtMs), ...tensors });
}

function tensorMessage({ name, datatype, shape }: TensorSpec) {
  return { name, datatype, shape: shape.map(BigInt) };
}

export function deploymentMessage({ protocol, placement, state, ...deployment }: Deployment): DeploymentMessage {
  return create(DeploymentSchema, { ...deployment, protocol: PROTOCOLS[protocol], placement: PLACEMENTS[placement], state: STATES[state] });
}

export function aliasMessage(alias: Alias): AliasMessage {
  return create(AliasSchema, { ...alias });
}

/** All that one act changed, for replicas to apply together. */
export function changedMessage(organisationId: string, change: Change): RegistryChanged {
  return create(RegistryChangedSchema, {
    organisationId,
    models: change.models?.map(modelMessage) ?? [],
    versions: change.versions?.map(versionMessage) ?? [],
    deployments: change.deployments?.map(deploymentMessage) ?? [],
    aliases: change.aliases?.map(aliasMessage) ?? [],
    removedModelIds: [...(change.removedModelIds ?? [])],
    removedAliasNames: [...(change.removedAliasNames ?? [])],
  });
}

/** What a request adds. An upstream that is not said to be external counts as inside: the command line passes what the user said. */
export function sourceOf({ source }: Pick<AddModelRequest, 'source'>): Source | ServedSource {
  switch (source.case) {
    case 'openai': {
      const { baseUrl, upstreamModel, credential } = source.value;
      return { kind: 'openai', baseUrl, upstreamModel, credential, placement: placementOf(source.value.placement, 'openai.placement') };
    }
    case 'gguf':
      return { kind: 'gguf', path: source.value.path, digest: source.value.digest };
    case 'kserve': {
      const { address, upstreamModel, managed } = source.value;
      return { kind: 'kserve', address, upstreamModel, managed, placement: placementOf(source.value.placement, 'kserve.placement') };
    }
    case undefined:
      throw new ServiceError('missing_required_parameter', 'A model needs `openai`, `kserve` or `gguf`.', { param: 'openai' });
  }
}

function placementOf(number: PlacementNumber, param: string): Placement {
  if (number === PlacementNumber.EXTERNAL) return 'external';
  if (number === PlacementNumber.INSIDE || number === PlacementNumber.UNSPECIFIED) return 'inside';
  throw new ServiceError('invalid_value', `\`${param}\` has an unknown value.`, { param });
}
