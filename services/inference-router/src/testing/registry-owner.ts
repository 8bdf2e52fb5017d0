import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import type { EventLog, Follower, Subscription } from '@sluice/events';
import { RegistryChangedSchema } from '@sluice/proto/events/v1/changes';
import { DeploymentState, GetSnapshotResponseSchema, type ModelRegistryService, Placement, Protocol, type SignatureSchema, type Credential, type Deployment, type Model, type Version } from '@sluice/proto/model_registry/v1/model_registry';
import type { Implementation } from '@sluice/rpc';

type Change = MessageInitShape<typeof RegistryChangedSchema>;
type OneFollower = Follower<typeof RegistryChangedSchema>;

/** The registry and its topic, in memory: what a replica sees of both. */
export class RegistryOwner {
  readonly #models = new Map<string, Model>();
  readonly #versions = new Map<string, Version>();
  readonly #deployments = new Map<string, Deployment>();
  readonly #credentials = new Map<string, Credential>();
  readonly #followers = new Set<OneFollower>();
  readonly #records: { position: bigint; key: string; message: ReturnType<typeof changed> }[] = [];
  snapshots = 0;
  isAway = false;
  /** Events that are lost on the way to followers, to make a gap. */
  losesEvents = false;

  /** A model of the organisation `org_1` with one deployment at this target. */
  deploy(name: string, target: string, more: { id?: string; token?: string; protocol?: Protocol; placement?: Placement; signature?: MessageInitShape<typeof SignatureSchema> } = {}): void {
    const id = more.id ?? `dep_${name}`;
    const hasCredential = more.token !== undefined;
    if (more.token !== undefined) this.#credentials.set(id, { $typeName: 'model_registry.v1.Credential', deploymentId: id, token: more.token });
    this.publish({
      models: [{ id: `model_${name}`, organisationId: 'org_1', name }],
      versions: [{ id: `ver_${name}`, modelId: `model_${name}`, number: 1, ...(more.signature && { signature: more.signature }) }],
      deployments: [{ id, versionId: `ver_${name}`, protocol: more.protocol ?? Protocol.OPENAI, placement: more.placement ?? Placement.INSIDE, state: DeploymentState.ACTIVE, target, upstreamModel: `upstream-${name}`, hasCredential }],
    });
  }

  remove(deploymentId: string): void {
    this.publish({ deployments: [{ ...this.#deployments.get(deploymentId)!, state: DeploymentState.REMOVED }] });
  }

  publish(change: Change): void {
    const message = changed(change);
    for (const model of message.models) this.#models.set(model.id, model);
    for (const version of message.versions) this.#versions.set(version.id, version);
    for (const deployment of message.deployments) this.#deployments.set(deployment.id, deployment);
    const record = { position: BigInt(this.#records.length + 1), key: 'org_1', message };
    this.#records.push(record);
    if (!this.losesEvents) for (const follower of this.#followers) follower.onRecord(record);
  }

  beat(): void {
    for (const follower of this.#followers) follower.onBeat(BigInt(this.#records.length));
  }

  readonly service: Implementation<typeof ModelRegistryService> = {
    addModel: refuse,
    listModels: refuse,
    removeModel: refuse,
    setAlias: refuse,
    removeAlias: refuse,
    getSnapshot: async () => {
      if (this.isAway) throw new ServiceError('backend_unavailable', 'The registry is away.');
      this.snapshots++;
      const [models, versions, deployments, credentials] = [this.#models, this.#versions, this.#deployments, this.#credentials].map((map) => [...map.values()]);
      return create(GetSnapshotResponseSchema, { position: BigInt(this.#records.length), models, versions, deployments, credentials } as MessageInitShape<typeof GetSnapshotResponseSchema>);
    },
  };

  readonly events: Pick<EventLog, 'follow'> = {
    follow: (_schema, afterPosition, given) => {
      const follower = given as unknown as OneFollower;
      for (const record of this.#records) if (record.position > afterPosition) follower.onRecord(record);
      this.#followers.add(follower);
      const subscription: Subscription = {
        stop: async () => void this.#followers.delete(follower),
        caughtUp: () => Promise.resolve(),
        lag: () => 0,
      };
      return subscription;
    },
  };
}

/** A router has no business with these. */
function refuse(): Promise<never> {
  return Promise.reject(new ServiceError('insufficient_permissions', 'A router only reads.'));
}

function changed(change: Change) {
  return create(RegistryChangedSchema, { organisationId: 'org_1', ...change });
}
