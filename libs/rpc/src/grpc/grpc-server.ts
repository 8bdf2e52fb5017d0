import { Server, type ConnectionInjector, type ServerDuplexStream } from '@grpc/grpc-js';
import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { Health } from '@sluice/proto/grpc/health/v1/health';
import type { Clock } from '@sluice/clock';
import { handlersOf, pathOf } from '../handler.ts';
import type { Implementation, Transport } from '../service.ts';
import { asBuffer, asIs } from './bytes.ts';
import { callerCheck } from './caller-check.ts';
import { EXCHANGE_PATH } from './exchange/frame.ts';
import { ServedExchange } from './exchange/served-exchange.ts';
import { GrpcHealth } from './grpc-health.ts';
import { handleCall } from './handle-call.ts';
import { handleUnread } from './handle-unread.ts';
import { KEEP_ALIVE_MS, boundsOf, serverOptions, type ServerBounds } from './limits.ts';
import type { CertificateFiles } from './certificate-files.ts';
import { Listener } from './listener.ts';
import type { ServedMethod } from './run-handler.ts';
import { serverCredentials } from './server-credentials.ts';
import { parseAddress } from './target.ts';
import type { UnreadCall, UnreadImplementation } from './unread-call.ts';

const KIND = { unary: 'unary', client_streaming: 'clientStream', server_streaming: 'serverStream', bidi_streaming: 'bidi' } as const satisfies Record<DescMethod['methodKind'], string>;

/** What bounds a server is that of one in a mesh where it is not given; one that strangers call takes less. */
export interface GrpcServerOptions extends Partial<ServerBounds> {
  readonly clock: Clock;
  /** Without it the connections are plain text. With it every caller shows a certificate of the same authority. */
  readonly certificates?: CertificateFiles;
  /** How often each connection is pinged; 5 s when none is given. */
  readonly keepAliveMs?: number;
  /** What the health service says; serving when none is given. Looked at every second while someone watches. */
  readonly isServing?: () => boolean;
  /**
   * The services that may call a service, by its full name; undefined: everyone who has a certificate. A caller proves to
   * be one by its certificate, so this needs `certificates`.
   */
  readonly callers?: (service: string) => readonly string[] | undefined;
  /** Callers of the house may make many calls both ways over one stream. */
  readonly exchanges?: boolean;
}

/** Serves services over gRPC, and `grpc.health.v1.Health` beside them. */
export class GrpcServer implements Pick<Transport, 'serve'> {
  readonly #server: Server;
  readonly #options: GrpcServerOptions;
  readonly #health: GrpcHealth;
  readonly #bounds: ServerBounds;
  readonly #connections: ConnectionInjector;
  readonly #listener: Listener;
  /** Calls both ways, by path. */
  readonly #exchanged = new Map<string, ServedMethod>();
  readonly #exchanges = new Set<ServedExchange>();

  constructor(options: GrpcServerOptions) {
    this.#options = options;
    this.#bounds = boundsOf(options);
    this.#server = new Server(serverOptions(this.#bounds, options.keepAliveMs ?? KEEP_ALIVE_MS));
    this.#connections = this.#server.createConnectionInjector(serverCredentials(options.certificates));
    this.#listener = new Listener(this.#bounds.connectionsLimit, (socket) => this.#connections.injectConnection(socket));
    this.#health = new GrpcHealth(options.clock, options.isServing ?? (() => true));
    this.#register(Health, this.#health);
    if (options.exchanges) this.#server.register(EXCHANGE_PATH, (stream: ServerDuplexStream<Uint8Array, Uint8Array>) => this.#exchange(stream), asBuffer, asIs, KIND.bidi_streaming);
  }

  /** May be called before or after `listen`; what is served again replaces what was. */
  serve<S extends DescService>(service: S, implementation: Implementation<S>): void {
    this.#register(service, implementation);
    this.#health.add(service.typeName);
  }

  /**
   * The same for a service that strangers call: its handlers read their requests themselves, once they know who asks.
   * Callers are not checked by certificate. One that takes nothing of its answer for `stallLimitMs` loses the call.
   */
  serveUnread<S extends DescService>(service: S, implementation: UnreadImplementation<S>, stallLimitMs: number): void {
    const { messageLimitBytes } = this.#bounds;
    for (const method of service.methods) {
      const handler = implementation[method.localName as keyof UnreadImplementation<S>] as (call: UnreadCall) => Promise<object>;
      const served = handleUnread({ method, handler: handler.bind(implementation), clock: this.#options.clock, messageLimitBytes, stallLimitMs });
      this.#server.register(pathOf(method), served, asBuffer, asIs, KIND.client_streaming);
    }
    this.#health.add(service.typeName);
  }

  /** Listens at `host:port` (port 0: any that is free) and tells the port; with `shared` other processes may listen there too (SO_REUSEPORT; Linux). */
  listen(address: string, { shared = false }: { readonly shared?: boolean } = {}): Promise<number> {
    const { host, port } = parseAddress(address);
    return this.#listener.listen(host, port, shared);
  }

  /**
   * Takes no more calls: callers go to another instance, or get `backend_unavailable` where there is none. Calls under
   * way may end by themselves within the time given; then their signals abort and their connections close.
   */
  async stop(graceMs: number): Promise<void> {
    this.#health.stop();
    for (const exchange of this.#exchanges) exchange.leave();
    const closed = this.#listener.close();
    this.#connections.drain(graceMs);
    const hardStop = this.#options.clock.after(graceMs, () => {
      this.#server.forceShutdown();
      this.#listener.cut();
    });
    await closed;
    hardStop.cancel();
    this.#server.forceShutdown();
  }

  #register<S extends DescService>(service: S, implementation: Implementation<S>): void {
    const check = callerCheck(service.typeName, this.#options.callers?.(service.typeName));
    for (const [method, handler] of handlersOf(service, implementation)) {
      const path = pathOf(method);
      const served: ServedMethod = { method, handler, clock: this.#options.clock, messageLimitBytes: this.#bounds.messageLimitBytes, check };
      this.#server.unregister(path);
      this.#server.register(path, handleCall(served) as never, asBuffer, asIs, KIND[method.methodKind]);
      if (method.methodKind === 'bidi_streaming') this.#exchanged.set(path, served);
    }
  }

  #exchange(stream: ServerDuplexStream<Uint8Array, Uint8Array>): void {
    const exchange = new ServedExchange(stream, this.#exchanged, this.#bounds.receiveLimitBytes, () => this.#exchanges.delete(exchange));
    this.#exchanges.add(exchange);
  }
}
