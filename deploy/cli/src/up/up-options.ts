/** What `sluice up` was asked for. */
export interface UpOptions {
  /** Where to listen; what is not given is what the settings say. */
  readonly host?: string;
  readonly port?: number;
  readonly adminPort?: number;
  readonly grpcPort?: number;
  readonly data?: string;
  readonly readyFile?: string;
  /** False with --no-model. */
  readonly model: boolean;
  readonly demoModel?: boolean;
}

/** Where the gateway is to listen. */
export interface Listeners {
  readonly host: string;
  readonly port: number;
  readonly adminHost: string;
  readonly adminPort: number;
  /** At `host`; undefined where gRPC is not served. */
  readonly grpcPort: number | undefined;
}

/** Where a started platform serves clients. */
export interface Addresses {
  readonly url: string;
  readonly adminUrl: string;
  /** `host:port` of KServe v2 over gRPC, where it is served. */
  readonly grpcAddress?: string | undefined;
}
