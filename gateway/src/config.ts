import { z } from 'zod';

const port = z.coerce.number('must be a port number').int('must be a whole number').min(0, 'must be a port number').max(65_535, 'must be a port number');

/** Settings of the gateway, by their environment names. */
export const gatewayConfig = {
  /** Where applications call. Only this machine can, unless it is told otherwise. */
  SLUICE_HOST: z.string().min(1).default('127.0.0.1'),
  /** 0: any free port. */
  SLUICE_PORT: port.default(8080),
  /** Where operators call. */
  SLUICE_ADMIN_HOST: z.string().min(1).default('127.0.0.1'),
  SLUICE_ADMIN_PORT: port.default(8081),
  /** Several processes listen at these ports, and the system hands each connection to one of them (SO_REUSEPORT; Linux). */
  SLUICE_SHARE_PORTS: z.stringbool('must be true or false').default(false),
  /** Beside a port that is shared: this very process, for probes, scrapers and whoever must reach it and no other. 0: any free port. */
  SLUICE_DIRECT_PORT: port.optional(),
  /** Where applications ask models of tensors over gRPC (KServe v2), at SLUICE_HOST. Not served unless it is given; Triton's own is 8001. 0: any free port. */
  SLUICE_GRPC_PORT: port.optional(),
  /** Name of this process on the log: unique among the processes that run at once, and the same after a restart. */
  SLUICE_PRODUCER: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be lower case letters, digits and hyphens').default('gateway-0'),
  /**
   * Whoever starts this process makes sure that no earlier one of its name goes on, as a supervisor does that has seen it end:
   * what the earlier one left open is then ended at once, not after 15 s of silence.
   */
  SLUICE_PRODUCER_IS_SOLE: z.stringbool('must be true or false').default(false),
  /** Calls answered at once; one more gets 503. Each holds some 200 KiB beside its request and, unstreamed, its answer. */
  SLUICE_OPEN_CALLS_LIMIT: z.coerce.number().int().min(1).max(100_000).default(2048),
  /**
   * Bytes of request bodies and whole answers that this gateway holds at once; what goes beyond gets 503. Text is held
   * several times while it is parsed, encoded and sealed. A request counts as it arrives, not as it is announced; one
   * that arrives too slowly is refused (domain/upload-pace.ts). A whole answer counts from when the router hands it over; what
   * the router is still collecting from backends is bounded there, in one sum of its own.
   */
  SLUICE_HELD_BYTES_LIMIT: z.coerce.number().int().min(1_048_576).max(2 ** 40).default(134_217_728),
  /** Longest life of one call in ms. The longest answers of reasoning models take minutes. */
  SLUICE_CALL_LIMIT_MS: z.coerce.number().int().min(1_000).max(86_400_000).default(600_000),
  /** How long running calls may go on in ms when the process is told to stop. */
  SLUICE_DRAIN_LIMIT_MS: z.coerce.number().int().min(0).max(3_600_000).default(20_000),
};

/** What createGateway takes: the settings, and what only the host of the process can do. */
export type GatewayConfig = Readonly<z.output<z.ZodObject<typeof gatewayConfig>>> & {
  /** The process's metrics in Prometheus' text format. */
  readonly metrics?: () => Promise<string>;
  /** Writes a consistent copy of everything into a folder; leaves nothing when the signal aborts. */
  readonly backup?: (directory: string, signal: AbortSignal) => Promise<void>;
};
