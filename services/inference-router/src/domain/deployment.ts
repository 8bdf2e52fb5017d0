/** A tensor that a model takes or gives. */
export interface TensorSpec {
  readonly name: string;
  /** As KServe v2 names it: BYTES, FP32, ... */
  readonly datatype: string;
  /** -1 for a dimension of any size. */
  readonly shape: readonly number[];
}

/** Tensors in the order of their names. */
export interface Signature {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** Where a version of a model is served, as far as routing needs to know. */
export interface Deployment {
  readonly id: string;
  readonly modelId: string;
  readonly versionId: string;
  readonly protocol: 'openai' | 'kserve';
  /** openai: base URL. kserve: `local` for the engine of this house, else `host:port` of a server's gRPC. */
  readonly target: string;
  /** The model's name at the backend. */
  readonly upstreamModel: string;
  readonly weightsPath: string;
  /** `sha256:<hex>` that the version pins: of the weights, or of the description of the upstream. */
  readonly digest: string;
  /** Bearer token for the backend. */
  readonly credential: string | undefined;
  /** `external`: what is sent there leaves the house. */
  readonly placement: 'inside' | 'external';
  /** The platform loads the model at its server, and unloads it when the deployment is gone. */
  readonly managed: boolean;
  /** What the version takes and gives; undefined where the registry did not ask: openai, and the engine of this house. */
  readonly signature: Signature | undefined;
}

/** True when both are served by the same backend with the same credential, so that running one does for the other. */
export function isSameBackend(a: Deployment, b: Deployment): boolean {
  return (
    a.protocol === b.protocol &&
    a.target === b.target &&
    a.weightsPath === b.weightsPath &&
    a.credential === b.credential &&
    a.upstreamModel === b.upstreamModel &&
    a.versionId === b.versionId &&
    a.placement === b.placement
  );
}
