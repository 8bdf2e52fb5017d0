import { createHash } from 'node:crypto';
import { ServiceError } from '@sluice/errors';
import type { Placement } from './model.ts';
import { normalSignature, type Signature } from './signature.ts';
import { checkUpstreamModel, type Described } from './source.ts';

/** A model of a KServe v2 server, as someone adds it. Empty text is "not given". */
export interface ServedSource {
  readonly kind: 'kserve';
  /** `host:port` of the server's gRPC. */
  readonly address: string;
  readonly upstreamModel: string;
  readonly placement: Placement;
  /** The platform loads it there, and unloads it when it is removed. */
  readonly managed: boolean;
}

/** Longest address: a host name has 253 characters at most (RFC 1035, 2.3.4), a port 5. */
export const MAX_ADDRESS_CHARACTERS = 259;
const ADDRESS = /^(?:\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?):(?<port>[1-9]\d{0,4})$/i;
const MAX_PORT = 65_535;

/** The source with its address in one form and the model's name filled in. Errors name the field. */
export function checkServed(source: ServedSource, modelName: string): ServedSource {
  const { address } = source;
  if (address === '') throw new ServiceError('missing_required_parameter', '`kserve.address` must not be empty.', { param: 'kserve.address' });
  const port = Number(ADDRESS.exec(address)?.groups?.['port']);
  if (address.length > MAX_ADDRESS_CHARACTERS || !(port <= MAX_PORT)) {
    throw new ServiceError('invalid_value', '`kserve.address` must be `host:port` of the gRPC of a KServe v2 server, for example `triton-1:8001`.', { param: 'kserve.address' });
  }
  const upstreamModel = source.upstreamModel === '' ? modelName : source.upstreamModel;
  checkUpstreamModel(upstreamModel, 'kserve.upstream_model');
  return { ...source, address: address.toLowerCase(), upstreamModel };
}

/** What a version of it pins: where it is, and its tensors, so that one whose tensors change at its server is another version. */
export function describeServed({ address, upstreamModel, placement, managed }: ServedSource, given: Signature): Described {
  const signature = normalSignature(given);
  // Members in order, no space: RFC 8785, so that anyone can compute the digest again.
  const pinned = JSON.stringify({ address, inputs: signature.inputs, outputs: signature.outputs, protocol: 'kserve', upstream_model: upstreamModel });
  return {
    digest: `sha256:${createHash('sha256').update(pinned, 'utf8').digest('hex')}`,
    description: `${address} ${upstreamModel}`,
    signature,
    reach: { protocol: 'kserve', placement, target: address, upstreamModel, weightsPath: '', managed },
    credential: undefined,
  };
}
