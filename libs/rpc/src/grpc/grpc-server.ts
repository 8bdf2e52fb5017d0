import { Server } from '@grpc/grpc-js';
import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { Health } from '@sluice/proto/grpc/health/v1/health';
import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { handlersOf, pathOf, type AnyHandler } from '../handler.ts';
import type { Implementation, Transport } from '../service.ts';
import { MESSAGE_LIMIT_BYTES } from '../wire-message.ts';
import { asBuffer, asIs } from './bytes.ts';
import { GrpcHealth } from './grpc-health.ts';
import { handleCall } from './handle-call.ts';
import { KEEP_ALIVE_MS, serverOptions } from './limits.ts';
import type { CertificateFiles } from './certificate-files.ts';
import { serverCredentials } from './server-credentials.ts';

const KIND = { unary: 'unary', client_streaming: 'clientStream', server_streaming: 'serverStream', bidi_streaming: 'bidi' } as const satisfies Record<DescMethod['methodKind'], string>;

export interface GrpcServerOptions {
  readonly clock: Clock;
  /** Without it the connections are plain text. With it every caller shows a certificate of the same authority. */
  readonly certificates?: CertificateFiles;
  /** Longest message in either direction; `MESSAGE_LIMIT_BYTES` when none is given. */
  readonly messageLimitBytes?: number;
  readonly keepAliveMs?: number;
  /** What the health service says; serving when none is given. Looked at every second while someone watches. */
  readonly isServing?: () => boolean;
}

/** Serves services over gRPC, and `grpc.health.v1.Health` beside them. */
export class GrpcServer implements Pick<Transport, 'serve'> {
  readonly #server: Server;
  readonly #options: GrpcServerOptions;
  readonly #health: GrpcHealth;
  readonly #limitBytes: number;
  #address: string | undefined;
  #isStopping = false;

  constructor(options: GrpcServerOptions) {
    this.#options = options;
    this.#limitBytes = options.messageLimitBytes ?? MESSAGE_LIMIT_BYTES;
    this.#server = new Server(serverOptions(this.#limitBytes, options.keepAliveMs ?? KEEP_ALIVE_MS));
    this.#health = new GrpcHealth(options.clock, options.isServing ?? (() => true));
    this.#register(Health, this.#health);
  }

  /** May be called before or after `listen`; what is served again replaces what was. */
  serve<S extends DescService>(service: S, implementation: Implementation<S>): void {
    this.#register(service, implementation);
    this.#health.add(service.typeName);
  }

  /** Listens at `host:port` (port 0: any that is free) and tells the port. */
  async listen(address: string): Promise<number> {
    const port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync(address, serverCredentials(this.#options.certificates), (failure, bound) => (failure ? reject(failure) : resolve(bound)));
    });
    this.#address = `${address.slice(0, address.lastIndexOf(':'))}:${port}`;
    return port;
  }

  /**
   * Takes no more calls: callers go to another instance, or get `backend_unavailable` where there is none. Calls under
   * way may end by themselves within the time given; then their signals abort and their connections close.
   */
  async stop(graceMs: number): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#health.stop();
    const hardStop = this.#options.clock.after(graceMs, () => this.#address !== undefined && this.#server.drain(this.#address, 0));
    await new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()));
    hardStop.cancel();
  }

  #register<S extends DescService>(service: S, implementation: Implementation<S>): void {
    for (const [method, handler] of handlersOf(service, implementation)) {
      const path = pathOf(method);
      const served = handleCall({ method, handler: this.#unlessStopping(handler), clock: this.#options.clock, messageLimitBytes: this.#limitBytes });
      this.#server.unregister(path);
      this.#server.register(path, served as never, asBuffer, asIs, KIND[method.methodKind]);
    }
  }

  /** A call that was on its way when the stop began. */
  #unlessStopping(handler: AnyHandler): AnyHandler {
    return (request, context) => {
      if (this.#isStopping) throw new ServiceError('draining', 'The service is stopping.');
      return handler(request, context);
    };
  }
}
