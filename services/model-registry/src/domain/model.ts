import type { Signature } from './signature.ts';

/** What clients name. */
export interface Model {
  readonly id: string;
  readonly organisationId: string;
  readonly name: string;
  readonly createdAtMs: number;
}

/** What answers, pinned by its digest; never changed once made. */
export interface Version {
  readonly id: string;
  readonly modelId: string;
  /** Counts from 1 within the model. */
  readonly number: number;
  /** `sha256:<hex>` of the weights, or of the description of the upstream. */
  readonly digest: string;
  /** For people: the weights' file name, or the upstream's address and model name. */
  readonly description: string;
  readonly createdAtMs: number;
  /** Of a model behind a KServe v2 server. */
  readonly signature?: Signature;
}

export type Protocol = 'openai' | 'kserve';
export type Placement = 'inside' | 'external';
export type DeploymentState = 'active' | 'draining' | 'removed';

/** Where a version answers. */
export interface Deployment {
  readonly id: string;
  readonly versionId: string;
  readonly protocol: Protocol;
  readonly placement: Placement;
  readonly state: DeploymentState;
  /** openai: the base URL. kserve: `local`, or `host:port` of another server. */
  readonly target: string;
  readonly upstreamModel: string;
  /** Absolute, or the name of a file in the engine's models folder; empty unless the weights lie on this machine. */
  readonly weightsPath: string;
  readonly hasCredential: boolean;
  /** The platform loads the model at its server, and unloads it when the deployment is gone. */
  readonly managed: boolean;
}

/** Another name of a model. */
export interface Alias {
  readonly name: string;
  readonly modelId: string;
  readonly organisationId: string;
}
