import type { RegistryChanged } from '@sluice/proto/events/v1/changes';
import { DeploymentState, Protocol, type Alias, type Credential, type Deployment as Entry, type GetSnapshotResponse, type Model, type Version } from '@sluice/proto/model_registry/v1/model_registry';
import type { Deployment } from './deployment.ts';

/**
 * What is deployed, as the registry last said: names to models, models to deployments.
 * A name means something only within an organisation.
 */
export class RegistryCopy {
  readonly #models = new Map<string, Model>();
  readonly #versions = new Map<string, Version>();
  readonly #deployments = new Map<string, Entry>();
  readonly #credentials = new Map<string, string>();
  readonly #aliases = new Map<string, Alias>();
  /** Model ids by `organisation NUL name`, models and aliases alike. */
  #names = new Map<string, string>();

  static of(snapshot: GetSnapshotResponse): RegistryCopy {
    const copy = new RegistryCopy();
    copy.learn(snapshot.credentials);
    copy.#add(snapshot);
    copy.#index();
    return copy;
  }

  /** Takes over credentials from a later snapshot. */
  learn(credentials: readonly Credential[]): void {
    for (const { deploymentId, token } of credentials) this.#credentials.set(deploymentId, token);
  }

  /** Applies one change as a whole. True when it brings a deployment whose credential has to be read from a snapshot. */
  apply(change: RegistryChanged): boolean {
    for (const id of change.removedModelIds) this.#models.delete(id);
    for (const name of change.removedAliasNames) this.#aliases.delete(nameKey(change.organisationId, name));
    this.#add(change);
    this.#index();
    return change.deployments.some(({ hasCredential, state }) => hasCredential && state === DeploymentState.ACTIVE);
  }

  /** The id of the model with this name or alias in the organisation. */
  resolve(organisationId: string, name: string): string | undefined {
    return this.#names.get(nameKey(organisationId, name));
  }

  /** Deployments that take calls. One whose credential is not known yet takes none: the backend would refuse it. */
  active(): Deployment[] {
    const active: Deployment[] = [];
    for (const entry of this.#deployments.values()) {
      const version = this.#versions.get(entry.versionId);
      const credential = this.#credentials.get(entry.id);
      const protocol = protocolOf(entry.protocol);
      if (entry.state !== DeploymentState.ACTIVE || !version || !protocol || (entry.hasCredential && credential === undefined)) continue;
      const { id, versionId, target, upstreamModel, weightsPath } = entry;
      active.push({ id, modelId: version.modelId, versionId, protocol, target, upstreamModel, weightsPath, credential });
    }
    return active;
  }

  #add(entries: { models: readonly Model[]; versions: readonly Version[]; deployments: readonly Entry[]; aliases: readonly Alias[] }): void {
    for (const model of entries.models) this.#models.set(model.id, model);
    for (const version of entries.versions) this.#versions.set(version.id, version);
    for (const alias of entries.aliases) this.#aliases.set(nameKey(alias.organisationId, alias.name), alias);
    for (const deployment of entries.deployments) {
      if (deployment.state === DeploymentState.REMOVED) this.#deployments.delete(deployment.id);
      else this.#deployments.set(deployment.id, deployment);
    }
  }

  #index(): void {
    this.#names = new Map();
    for (const model of this.#models.values()) this.#names.set(nameKey(model.organisationId, model.name), model.id);
    for (const alias of this.#aliases.values()) {
      if (this.#models.has(alias.modelId)) this.#names.set(nameKey(alias.organisationId, alias.name), alias.modelId);
    }
  }
}

function nameKey(organisationId: string, name: string): string {
  return `${organisationId}\0${name}`;
}

function protocolOf(protocol: Protocol): Deployment['protocol'] | undefined {
  if (protocol === Protocol.OPENAI) return 'openai';
  return protocol === Protocol.KSERVE ? 'kserve' : undefined;
}
