import { ServiceError } from '@sluice/errors';
import type { Fleet } from './fleet.ts';
import type { Member } from './member.ts';

/** Whether a deployment may be chosen. */
export type Serves = (member: Member) => boolean;

/**
 * The deployments that take tensors for a model.
 *
 * @param version by its number in the registry; empty: any
 * @throws ServiceError `invalid_value` where the model has no server that takes tensors, `model_not_found` where it has no such version
 */
export function servesTensors(fleet: Fleet, modelId: string, version: string): Serves {
  const members = fleet.of(modelId);
  const takesTensors: Serves = ({ backend }) => backend.infer !== undefined;
  if (members.length > 0 && !members.some(takesTensors)) {
    throw new ServiceError('invalid_value', 'No server of this model takes tensors: ask it with POST /v1/chat/completions.', { param: 'model' });
  }
  if (version === '') return takesTensors;
  const isOfVersion: Serves = (member) => takesTensors(member) && String(member.deployment.versionNumber) === version;
  if (!members.some(isOfVersion)) throw new ServiceError('model_not_found', 'The model has no such version in service.', { param: 'model_version' });
  return isOfVersion;
}
