import type { ChannelOptions } from '@grpc/grpc-js';
import { MESSAGE_LIMIT_BYTES } from '../wire-message.ts';

/** How often a peer is pinged. One that was unplugged or stopped is noticed after this and the wait for its answer. */
export const KEEP_ALIVE_MS = 5_000;
const PING_ANSWER_LIMIT_MS = 5_000;

/** A new address is tried, and an instance that was away is looked for, between these two: at once after a blip, and never in a storm. */
const RECONNECT_MIN_MS = 100;
const RECONNECT_MAX_MS = 2_000;

/** After this a connection takes no more calls and a new one is made: so that renewed certificates are in use everywhere, and new instances get their share. Calls under way end on the old one. */
const CONNECTION_AGE_MS = 10 * 60_000;

/** Calls under way on one connection. A data-plane process holds a thousand clients, each with a stream or two per service. */
const CONCURRENT_STREAMS_LIMIT = 10_000;

/** Connections of one process: its peers hold one or two each. Beyond it a connection is refused, not queued. */
const CONNECTIONS_LIMIT = 10_000;

/** How much a server takes at once. */
export interface ServerBounds {
  /** Longest message that it sends; `MESSAGE_LIMIT_BYTES` when none is given. */
  readonly messageLimitBytes: number;
  /** Longest message that it reads by itself, before a handler is asked; as long as one that it sends when none is given. */
  readonly receiveLimitBytes: number;
  readonly connectionsLimit: number;
  /** Calls under way on one connection; what a caller asks beyond it waits in its own library. */
  readonly streamsLimit: number;
  /** A connection on which nothing was asked for so long is ended, so that who only holds connections holds them from nobody; never when none is given. */
  readonly connectionIdleMs: number | undefined;
}

export function boundsOf({ messageLimitBytes = MESSAGE_LIMIT_BYTES, receiveLimitBytes = messageLimitBytes, connectionsLimit = CONNECTIONS_LIMIT, streamsLimit = CONCURRENT_STREAMS_LIMIT, connectionIdleMs }: Partial<ServerBounds>): ServerBounds {
  return { messageLimitBytes, receiveLimitBytes, connectionsLimit, streamsLimit, connectionIdleMs };
}

const frames = (messageLimitBytes: number, receiveLimitBytes: number, keepAliveMs: number): ChannelOptions => ({
  // Both sides refuse what is too long before it is sent; this guards against a peer that does not.
  'grpc.max_receive_message_length': receiveLimitBytes,
  'grpc.max_send_message_length': messageLimitBytes,
  'grpc.keepalive_time_ms': keepAliveMs,
  'grpc.keepalive_timeout_ms': Math.min(keepAliveMs, PING_ANSWER_LIMIT_MS),
  // Statistics for a debugging service that is not served; they cost with every message.
  'grpc.enable_channelz': 0,
});

export function serverOptions({ messageLimitBytes, receiveLimitBytes, streamsLimit, connectionIdleMs }: ServerBounds, keepAliveMs: number): ChannelOptions {
  return {
    ...frames(messageLimitBytes, receiveLimitBytes, keepAliveMs),
    'grpc.max_concurrent_streams': streamsLimit,
    'grpc.max_connection_age_ms': CONNECTION_AGE_MS,
    ...(connectionIdleMs !== undefined && { 'grpc.max_connection_idle_ms': connectionIdleMs }),
  };
}

export function clientOptions(messageLimitBytes: number, keepAliveMs: number): ChannelOptions {
  return {
    ...frames(messageLimitBytes, messageLimitBytes, keepAliveMs),
    // Also while nothing is asked, so that a dead instance is left out before a call meets it.
    'grpc.keepalive_permit_without_calls': 1,
    'grpc.initial_reconnect_backoff_ms': RECONNECT_MIN_MS,
    'grpc.max_reconnect_backoff_ms': RECONNECT_MAX_MS,
    'grpc.dns_min_time_between_resolutions_ms': RECONNECT_MAX_MS,
    'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
    // Connections belong to this client alone and end with it; no proxy and no settings come from the environment or from DNS.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
  };
}
