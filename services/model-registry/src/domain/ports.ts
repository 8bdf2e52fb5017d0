import type { Clock, Ids } from '@sluice/clock';
import type { AdminAct } from '@sluice/events';
import type { AccessPermissions } from '@sluice/permissions';
import type { Alias, Deployment, Model, Version } from './model.ts';
import type { ServedSource } from './served-source.ts';
import type { Signature } from './signature.ts';

/** What replicas must apply together. */
export interface Change {
  readonly models?: readonly Model[];
  readonly versions?: readonly Version[];
  readonly deployments?: readonly Deployment[];
  readonly aliases?: readonly Alias[];
  readonly removedModelIds?: readonly string[];
  readonly removedAliasNames?: readonly string[];
}

/** The state as one act sees and changes it; the act is the only one of its organisation until it ends. */
export interface RegistryState {
  model(name: string): Promise<Model | undefined>;
  alias(name: string): Promise<Alias | undefined>;
  aliasesOf(modelId: string): Promise<Alias[]>;
  versions(modelId: string): Promise<Version[]>;
  /** Those that are not removed. */
  deployments(modelId: string): Promise<Deployment[]>;
  counts(): Promise<{ readonly models: number; readonly aliases: number }>;
  credential(deploymentId: string): Promise<string | undefined>;
  addModel(model: Model): Promise<void>;
  addVersion(version: Version): Promise<void>;
  addDeployment(deployment: Deployment, credential: string | undefined): Promise<void>;
  setCredential(deploymentId: string, credential: string): Promise<void>;
  setDeploymentState(deployment: Deployment): Promise<void>;
  markModelRemoved(modelId: string, atMs: number): Promise<void>;
  putAlias(alias: Alias): Promise<void>;
  deleteAlias(name: string): Promise<void>;
  /** Leaves with the act: the change for replicas and the history, and the act for the audit. */
  record(act: AdminAct, change: Change): Promise<void>;
}

/** Where acts happen. */
export interface Acts {
  /** Runs one act on an organisation's registry: what it writes and what it records commits together, or nothing of it. */
  act<T>(organisationId: string, work: (state: RegistryState) => Promise<T>): Promise<T>;
}

/** Who may act, and on what there is; answered by access. */
export type Permissions = Pick<AccessPermissions, 'require'>;

/** The KServe v2 servers whose models are added. */
export interface ModelServers {
  /**
   * The tensors of a model, as its server says; one that is managed is loaded there first. Throws `failed_precondition` where the
   * server does not have the model or cannot load it, `backend_unavailable` where it does not answer or is not done in time.
   */
  signature(source: ServedSource): Promise<Signature>;
}

/** What every act needs. */
export interface Administration {
  readonly acts: Acts;
  readonly permissions: Permissions;
  readonly clock: Clock;
  readonly ids: Ids;
}
