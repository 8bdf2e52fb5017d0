import { Inject, Module, type BeforeApplicationShutdown, type DynamicModule, type OnApplicationBootstrap, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { ServiceError } from '@sluice/errors';
import type { Platform } from '@sluice/platform';
import { AccessService } from '@sluice/proto/access/v1/access';
import { AuditService } from '@sluice/proto/audit/v1/audit';
import { BillingService } from '@sluice/proto/billing/v1/billing';
import { ContentFilterService, FilterRulesService } from '@sluice/proto/content_filter/v1/content_filter';
import { InferenceService } from '@sluice/proto/inference/v1/inference';
import { ModelRegistryService } from '@sluice/proto/model_registry/v1/model_registry';
import type { GrpcServer } from '@sluice/rpc/grpc';
import { SegmentWriter } from '@sluice/segment';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AnswerDeadlines } from './adapters/answer-deadlines.ts';
import { BillingClient } from './adapters/billing-client.ts';
import { DayHistory } from './adapters/day-history.ts';
import { FilterClient } from './adapters/filter-client.ts';
import { AccessReplica } from './adapters/access-replica.ts';
import { RegistryReplica } from './adapters/registry-replica.ts';
import { RouterClient } from './adapters/router-client.ts';
import type { GatewayConfig } from './config.ts';
import type { Principal } from './domain/call.ts';
import { RateLimits } from './domain/limits/rate-limits.ts';
import { OpenCalls } from './domain/open-calls.ts';
import { ParameterRules } from './domain/parameters/parameter-rules.ts';
import { RequestFlow } from './domain/request-flow.ts';
import { adminServer } from './http/admin-server.ts';
import { Authenticator } from './http/authenticate.ts';
import { callFigures, type CallFigures } from './http/call-figures.ts';
import { listen, listenGrpc } from './http/listen.ts';
import { publicServer, type PublicDoor } from './http/public-server.ts';
import { SecondDoor } from './http/second-door.ts';
import { tensorServer } from './http/tensors/grpc-server.ts';

const PLATFORM = Symbol('gateway platform');
const CONFIG = Symbol('gateway config');

/** After the drain limit calls are ended; this is for their last records. */
const LAST_RECORDS_LIMIT_MS = 5_000;

/** Answers are complete by then; a client that has not read its own loses the connection. */
const CLOSE_LIMIT_MS = 1_000;

/** Where the gateway listens, once it does. */
export class GatewayAddresses {
  /** URL of the OpenAI API, without a path. */
  public = '';
  /** URL of the admin API, without a path. */
  admin = '';
  /** `host:port` of KServe v2 over gRPC; empty where it is not served. */
  grpc = '';
  /** URL at which this process alone answers as on the public one; undefined where none was asked for. */
  direct: string | undefined;
}

@Module({})
class GatewayModule implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  readonly #platform: Platform;
  readonly #config: GatewayConfig;
  readonly #addresses: GatewayAddresses;
  readonly #access: AccessReplica;
  readonly #registry: RegistryReplica;
  readonly #segments: SegmentWriter;
  readonly #limits: RateLimits;
  readonly #dayHistory: DayHistory;
  readonly #open: OpenCalls;
  readonly #figures: CallFigures;
  readonly #public: FastifyInstance;
  readonly #grpc: GrpcServer | undefined;
  readonly #admin: FastifyInstance;
  readonly #direct: SecondDoor;

  constructor(@Inject(PLATFORM) platform: Platform, @Inject(CONFIG) config: GatewayConfig, @Inject(GatewayAddresses) addresses: GatewayAddresses) {
    this.#platform = platform;
    this.#config = config;
    this.#addresses = addresses;
    this.#access = new AccessReplica(platform);
    this.#registry = new RegistryReplica(platform);
    const { events, clock, ids, logger } = platform;
    this.#segments = new SegmentWriter({ events, clock, logger, producer: events.producerName(config.SLUICE_PRODUCER, config.SLUICE_PRODUCER_IS_SOLE), sealingKeys: (projectId) => this.#access.sealingKey(projectId) });
    this.#limits = new RateLimits(this.#access, platform.store);
    this.#dayHistory = new DayHistory({ audit: platform.connect(AuditService), limits: this.#limits, clock, random: () => ids.randomBytes(4).readUInt32LE() / 2 ** 32, logger, limitedByDay: () => this.#access.directory.limitedByDay() });
    this.#open = new OpenCalls(config.SLUICE_OPEN_CALLS_LIMIT, config.SLUICE_HELD_BYTES_LIMIT);
    this.#figures = callFigures(this.#open);
    const authenticator = new Authenticator(this.#access, clock);
    const door = this.#publicDoor(authenticator);
    this.#public = publicServer(door);
    this.#grpc = config.SLUICE_GRPC_PORT === undefined ? undefined : tensorServer(door);
    this.#direct = new SecondDoor(this.#public.server);
    this.#admin = this.#makeAdmin(authenticator);
  }

  onModuleInit(): void {
    this.#access.replica.start();
    this.#registry.replica.start();
    void this.#segments.start().catch((thrown: unknown) => this.#platform.logger.error({ code: ServiceError.from(thrown).code }, 'the segment writer did not start'));
    this.#platform.health.register('gateway: access', () => this.#access.replica.health());
    this.#platform.health.register('gateway: model-registry', () => this.#registry.replica.health());
    this.#platform.health.register('gateway: event log', () => this.#segments.health());
  }

  async onApplicationBootstrap(): Promise<void> {
    const { SLUICE_HOST: host, SLUICE_PORT, SLUICE_ADMIN_HOST, SLUICE_ADMIN_PORT, SLUICE_SHARE_PORTS: shared, SLUICE_DIRECT_PORT, SLUICE_GRPC_PORT } = this.#config;
    await this.#dayHistory.start();
    try {
      this.#addresses.public = await listen(this.#public, { host, port: SLUICE_PORT, shared, setting: 'SLUICE_PORT' });
      this.#addresses.admin = await listen(this.#admin, { host: SLUICE_ADMIN_HOST, port: SLUICE_ADMIN_PORT, shared, setting: 'SLUICE_ADMIN_PORT' });
      if (SLUICE_DIRECT_PORT !== undefined) this.#addresses.direct = await this.#direct.listen({ host, port: SLUICE_DIRECT_PORT, shared: false, setting: 'SLUICE_DIRECT_PORT' });
      if (this.#grpc) this.#addresses.grpc = await listenGrpc(this.#grpc, { host, port: SLUICE_GRPC_PORT!, shared, setting: 'SLUICE_GRPC_PORT' });
    } catch (thrown) {
      // Nest does not call the shutdown hooks of a module that failed to start.
      await this.beforeApplicationShutdown();
      await this.onApplicationShutdown();
      throw thrown;
    }
  }

  /** Running calls may end by themselves for a while; then they are ended honestly: recorded as failed, told to the client. */
  async beforeApplicationShutdown(): Promise<void> {
    const { clock } = this.#platform;
    const drained = this.#open.drain();
    const abort = clock.after(this.#config.SLUICE_DRAIN_LIMIT_MS, () => this.#open.abort());
    const { promise: tooLate, resolve } = Promise.withResolvers<void>();
    const giveUp = clock.after(this.#config.SLUICE_DRAIN_LIMIT_MS + LAST_RECORDS_LIMIT_MS, resolve);
    await Promise.race([drained, tooLate]);
    abort.cancel();
    giveUp.cancel();
    const servers = [this.#public, this.#admin];
    this.#direct.close();
    const cut = clock.after(CLOSE_LIMIT_MS, () => servers.forEach(({ server }) => server.closeAllConnections()));
    await Promise.all([...servers.map((server) => server.close()), ...(this.#addresses.grpc ? [this.#grpc!.stop(CLOSE_LIMIT_MS)] : [])]);
    cut.cancel();
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.#segments.stop(), this.#dayHistory.stop(), this.#access.replica.stop(), this.#registry.replica.stop()]);
    this.#figures.close();
  }

  #publicDoor(authenticator: Authenticator): PublicDoor {
    const { clock, ids, logger, health } = this.#platform;
    const deadlines = new AnswerDeadlines(clock);
    const router = new RouterClient(this.#platform.connect(InferenceService), this.#config.SLUICE_CALL_LIMIT_MS);
    const flow = new RequestFlow({
      router,
      segments: this.#segments,
      models: this.#registry,
      parameters: new ParameterRules(this.#access),
      limits: this.#limits,
      filter: new FilterClient(this.#platform.connect(ContentFilterService), deadlines),
      billing: new BillingClient(this.#platform.connect(BillingService), deadlines, logger),
      randomBytes: (length) => ids.randomBytes(length),
      clock,
      callLimitMs: this.#config.SLUICE_CALL_LIMIT_MS,
    });
    const principalOf = (authorization: string | undefined, known?: Principal) => this.#counted(authenticator.principal(authorization, known));
    const principal = (request: FastifyRequest) => principalOf(request.headers.authorization);
    return { flow, open: this.#open, figures: this.#figures, clock, ids, logger, health, models: this.#registry, describer: router, metrics: this.#config.metrics, principal, principalOf };
  }

  #makeAdmin(authenticator: Authenticator): FastifyInstance {
    const { clock, ids, logger } = this.#platform;
    return adminServer({
      clock,
      ids,
      logger,
      access: this.#platform.connect(AccessService),
      registry: this.#platform.connect(ModelRegistryService),
      inference: this.#platform.connect(InferenceService),
      audit: this.#platform.connect(AuditService),
      billing: this.#platform.connect(BillingService),
      filter: this.#platform.connect(ContentFilterService),
      filterRules: this.#platform.connect(FilterRulesService),
      backup: this.#config.backup,
      administrator: (request) => this.#counted(authenticator.administrator(request.headers.authorization)),
    });
  }

  async #counted<T>(authentication: Promise<T>): Promise<T> {
    try {
      return await authentication;
    } catch (thrown) {
      this.#figures.authenticationFailed(ServiceError.from(thrown).code);
      throw thrown;
    }
  }
}

/** The gateway on a platform. Its addresses are known when the application has started: inject `GatewayAddresses`. */
export function createGateway(platform: Platform, config: GatewayConfig): DynamicModule {
  return {
    module: GatewayModule,
    providers: [
      { provide: PLATFORM, useValue: platform },
      { provide: CONFIG, useValue: config },
      GatewayAddresses,
    ],
    exports: [GatewayAddresses],
  };
}
