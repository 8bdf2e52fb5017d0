import type { Signature } from '../domain/signature.ts';
import type { Alias, Deployment, DeploymentState, Model, Placement, Protocol, Version } from '../domain/model.ts';

export interface ModelRow {
  id: string;
  organisation_id: string;
  name: string;
  created_at_ms: bigint;
}

export interface VersionRow {
  id: string;
  model_id: string;
  number: number;
  digest: string;
  description: string;
  created_at_ms: bigint;
  /** JSON of a Signature. */
  signature: string | null;
}

export interface DeploymentRow {
  id: string;
  version_id: string;
  protocol: Protocol;
  placement: Placement;
  state: DeploymentState;
  target: string;
  upstream_model: string;
  weights_path: string;
  sealed_credential: Buffer | null;
  managed: boolean;
}

export interface AliasRow {
  organisation_id: string;
  name: string;
  model_id: string;
}

export function modelOf(row: ModelRow): Model {
  return { id: row.id, organisationId: row.organisation_id, name: row.name, createdAtMs: Number(row.created_at_ms) };
}

export function versionOf(row: VersionRow): Version {
  return {
    id: row.id,
    modelId: row.model_id,
    number: row.number,
    digest: row.digest,
    description: row.description,
    createdAtMs: Number(row.created_at_ms),
    ...(row.signature !== null && { signature: JSON.parse(row.signature) as Signature }),
  };
}

export function deploymentOf(row: DeploymentRow): Deployment {
  return {
    id: row.id,
    versionId: row.version_id,
    protocol: row.protocol,
    placement: row.placement,
    state: row.state,
    target: row.target,
    upstreamModel: row.upstream_model,
    weightsPath: row.weights_path,
    hasCredential: row.sealed_credential !== null,
    managed: row.managed,
  };
}

export function aliasOf(row: AliasRow): Alias {
  return { name: row.name, modelId: row.model_id, organisationId: row.organisation_id };
}
