import type { RegistryChanged } from '@sluice/proto/events/v1/changes';
import { DeploymentState, Placement, Protocol, type Credential, type Deployment as Entry, type GetSnapshotResponse, type Model, type Signature as SignatureEntry, type TensorSpec as TensorEntry, type Version } from '@sluice/proto/model_registry/v1/model_registry';
import type { Deployment, Signature, TensorSpec } from './deployment.ts';

/**
 * What is deployed, as the registry last said: models to deployments. Names are not read here: the gateway has judged by
 * its copy what a key may use, and another copy could read the same name differently.
 */
export class RegistryCopy {
  readonly #models = new Map<string, Model>();
  readonly #versions = new Map<string, Version>();
  readonly #deployments = new Map<string, Entry>();
  readonly #credentials = new Map<string, string>();

  static of(snapshot: GetSnapshotResponse): RegistryCopy {
    const copy = new RegistryCopy();
    copy.learn(snapshot.credentials);
    copy.#add(snapshot);
    return copy;
  }

  /** Takes over credentials from a later snapshot. */
  learn(credentials: readonly Credential[]): void {
    for (const { deploymentId, token } of credentials) this.#credentials.set(deploymentId, token);
  }

  /** Applies one change as a whole. True when it brings a deployment whose credential has to be read from a snapshot. */
  apply(change: RegistryChanged): boolean {
    for (const id of change.removedModelIds) this.#forget(id);
    this.#add(change);
    return change.deployments.some(({ hasCredential, state }) => hasCredential && state === DeploymentState.ACTIVE);
  }

  /** True when the organisation has this model. */
  knows(organisationId: string, modelId: string): boolean {
    return this.#models.get(modelId)?.organisationId === organisationId;
  }

  /** Deployments that take calls. One whose credential is not known yet takes none: the backend would refuse it. */
  active(): Deployment[] {
    const active: Deployment[] = [];
    for (const entry of this.#deployments.values()) {
      const version = this.#versions.get(entry.versionId);
      const credential = this.#credentials.get(entry.id);
      const protocol = protocolOf(entry.protocol);
      if (entry.state !== DeploymentState.ACTIVE || !version || !protocol || (entry.hasCredential && credential === undefined)) continue;
      const { id, versionId, target, upstreamModel, weightsPath, managed } = entry;
      active.push({ id, modelId: version.modelId, digest: version.digest, versionId, protocol, target, upstreamModel, weightsPath, credential, placement: entry.placement === Placement.INSIDE ? 'inside' : 'external', managed, signature: signatureOf(version.signature) });
    }
    return active;
  }

  #add(entries: { models: readonly Model[]; versions: readonly Version[]; deployments: readonly Entry[] }): void {
    for (const model of entries.models) this.#models.set(model.id, model);
    for (const version of entries.versions) this.#versions.set(version.id, version);
    for (const deployment of entries.deployments) {
      if (deployment.state !== DeploymentState.REMOVED) this.#deployments.set(deployment.id, deployment);
      else {
        this.#deployments.delete(deployment.id);
        this.#credentials.delete(deployment.id);
      }
    }
  }

  /** With its versions: a copy that only grows would outlast many models. */
  #forget(modelId: string): void {
    this.#models.delete(modelId);
    for (const version of this.#versions.values()) if (version.modelId === modelId) this.#versions.delete(version.id);
  }
}

function protocolOf(protocol: Protocol): Deployment['protocol'] | undefined {
  if (protocol === Protocol.OPENAI) return 'openai';
  return protocol === Protocol.KSERVE ? 'kserve' : undefined;
}

function signatureOf(entry: SignatureEntry | undefined): Signature | undefined {
  return entry && { inputs: entry.inputs.map(tensorOf), outputs: entry.outputs.map(tensorOf) };
}

function tensorOf({ name, datatype, shape }: TensorEntry): TensorSpec {
  return { name, datatype, shape: shape.map(Number) };
}
