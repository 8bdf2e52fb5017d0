import type { RegistryChanged } from '@sluice/proto/events/v1/changes';
import type { Alias, Deployment, GetSnapshotResponse, Model, Version } from '@sluice/proto/model_registry/v1/model_registry';
import type { Principal } from './call.ts';
import type { Models, ModelView, NamedModel } from './ports.ts';

/** The numbers of `Placement`, `DeploymentState` and `Protocol`; the domain does not load generated code. */
const PLACEMENT_EXTERNAL = 2;
const STATE_REMOVED = 3;
const PROTOCOL_KSERVE = 2;

/** What the deployments of a model say of it. */
interface Serving {
  readonly leavesHouse: boolean;
  readonly showsOutput: boolean;
  readonly servedBy: string;
}

const NOT_SERVED: Serving = { leavesHouse: false, showsOutput: true, servedBy: '' };

/** Models, aliases and where they are deployed, as the registry last told. */
export class ModelDirectory implements Models {
  readonly #models = new Map<string, Model>();
  readonly #versions = new Map<string, Version>();
  readonly #deployments = new Map<string, Deployment>();
  readonly #aliases = new Map<string, Alias>();
  /** Names and aliases, each under its organisation. */
  #byName = new Map<string, Model>();
  /** By model. */
  #serving = new Map<string, Serving>();

  load({ models, versions, deployments, aliases }: GetSnapshotResponse): void {
    for (const map of [this.#models, this.#versions, this.#deployments, this.#aliases]) map.clear();
    this.#put({ models, versions, deployments, aliases });
    this.#index();
  }

  apply(change: RegistryChanged): void {
    this.#put(change);
    for (const id of change.removedModelIds) this.#models.delete(id);
    for (const name of change.removedAliasNames) this.#aliases.delete(keyOf(change.organisationId, name));
    this.#index();
  }

  resolve(principal: Principal, name: string): ModelView {
    const model = this.#byName.get(keyOf(principal.organisationId, name));
    if (!model) return { state: 'unknown' };
    if (!isAllowed(principal, name, model)) return { state: 'not_allowed' };
    return { state: 'usable', modelId: model.id, modelName: model.name, ...(this.#serving.get(model.id) ?? NOT_SERVED) };
  }

  /** What a key may call, by name. */
  list(principal: Principal): NamedModel[] {
    const names: NamedModel[] = [];
    const prefix = keyOf(principal.organisationId, '');
    for (const [key, model] of this.#byName) {
      if (!key.startsWith(prefix)) continue;
      const name = key.slice(prefix.length);
      if (isAllowed(principal, name, model)) names.push({ name, createdAtMs: Number(model.createdAtMs) });
    }
    return names.sort((left, right) => (left.name < right.name ? -1 : 1));
  }

  #put({ models, versions, deployments, aliases }: Pick<RegistryChanged, 'models' | 'versions' | 'deployments' | 'aliases'>): void {
    for (const model of models) this.#models.set(model.id, model);
    for (const version of versions) this.#versions.set(version.id, version);
    for (const deployment of deployments) this.#deployments.set(deployment.id, deployment);
    for (const alias of aliases) this.#aliases.set(keyOf(alias.organisationId, alias.name), alias);
  }

  /** Made anew at each change: changes are rare, look-ups are every call. */
  #index(): void {
    this.#byName = new Map();
    this.#serving = new Map();
    for (const model of this.#models.values()) this.#byName.set(keyOf(model.organisationId, model.name), model);
    for (const [key, alias] of this.#aliases) {
      const model = this.#models.get(alias.modelId);
      if (model) this.#byName.set(key, model);
    }
    for (const { id, placement, protocol, state, versionId } of this.#deployments.values()) {
      const modelId = this.#versions.get(versionId)?.modelId;
      if (modelId === undefined || state === STATE_REMOVED) continue;
      const { leavesHouse, showsOutput, servedBy } = this.#serving.get(modelId) ?? NOT_SERVED;
      this.#serving.set(modelId, {
        leavesHouse: leavesHouse || placement === PLACEMENT_EXTERNAL, showsOutput: showsOutput && protocol === PROTOCOL_KSERVE, servedBy: `${servedBy} ${id}`,
      });
    }
  }
}

/** A key's list names models or aliases; the name of a model covers its aliases. */
function isAllowed({ models }: Principal, name: string, model: Model): boolean {
  return models.length === 0 || models.includes(name) || models.includes(model.name);
}

function keyOf(organisationId: string, name: string): string {
  return `${organisationId}\n${name}`;
}
