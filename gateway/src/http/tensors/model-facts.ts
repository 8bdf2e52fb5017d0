import { fromBinary, toJson } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import { ModelMetadataResponseSchema, type ModelMetadataResponse } from '@sluice/proto/kserve';
import { ModelConfigSchema, type ModelConfig } from '@sluice/proto/model_config';
import type { Principal } from '../../domain/call.ts';
import { modelRefusal } from '../../domain/request-flow.ts';
import { shownName } from '../json-members.ts';
import type { TensorDoor } from './tensor-visit.ts';

/** What clients may know of a model that takes tensors, with the names that they know. */
export interface ModelFacts {
  readonly metadata: ModelMetadataResponse;
  readonly config: ModelConfig;
}

/** Extensions of the protocol that are spoken here. */
export const SERVER_FACTS = { name: 'sluice', version: '0.1.0', extensions: ['binary_tensor_data', 'parameters', 'model_configuration'] };

/** @throws ServiceError as a call does, where the key may not use the model or it cannot take calls now */
export async function modelFacts(door: TensorDoor, principal: Principal, model: string, version: string, signal: AbortSignal): Promise<ModelFacts> {
  const view = door.models.resolve(principal, model);
  if (view.state !== 'usable') throw modelRefusal(view.state, shownName(model));
  const { versions, metadata, config } = await door.describer.describe({ principal, modelId: view.modelId, version }, signal);
  return {
    metadata: { ...fromBinary(ModelMetadataResponseSchema, metadata), name: model, versions: version === '' ? versions.map(String) : [version] },
    config: { ...fromBinary(ModelConfigSchema, config), name: model },
  };
}

/** Whether it takes calls; that it does not is no error here. Errors of the key are. */
export async function isModelReady(door: TensorDoor, principal: Principal, model: string, version: string, signal: AbortSignal): Promise<boolean> {
  try {
    await modelFacts(door, principal, model, version, signal);
    return true;
  } catch (thrown) {
    if (ServiceError.from(thrown).code === 'cancelled') throw thrown;
    return false;
  }
}

/** As Triton writes it over HTTP: shapes are numbers. */
export function metadataJson({ name, versions, platform, inputs, outputs }: ModelMetadataResponse): object {
  const tensors = (all: ModelMetadataResponse['inputs']): object[] => all.map((each) => ({ name: each.name, datatype: each.datatype, shape: each.shape.map(Number) }));
  return { name, versions, platform, inputs: tensors(inputs), outputs: tensors(outputs) };
}

/** The same of a configuration. */
export function configJson(config: ModelConfig): unknown {
  const json = JSON.stringify(toJson(ModelConfigSchema, config, { useProtoFieldName: true, alwaysEmitImplicit: true }));
  return JSON.parse(json, (name, value: unknown) => (name === 'dims' && Array.isArray(value) ? value.map(Number) : value));
}
