import { createRequire } from 'node:module';

/** The driver's queue of one connection, as far as it is used here. */
export interface RequestQueue {
  readonly pending: readonly unknown[];
  push(request: object): void;
  fulfillRequest(response: { readonly correlationId: number; readonly payload: unknown; readonly size: number }): void;
  maybeThrottle(forMs: number): void;
  scheduleCheckPendingRequests(): void;
}

/** Part of the driver and not of its interface: the driver's version is pinned, and the spec of this file fails where another one differs. */
export const RequestQueueClass = createRequire(import.meta.url)('kafkajs/src/network/requestQueue/index.js') as new (options: object) => RequestQueue;

const queues = RequestQueueClass.prototype as RequestQueue;
const look = queues.scheduleCheckPendingRequests;

/**
 * After its first answer each connection of kafkajs 2.2.4 looks every millisecond for requests that wait, for ever, because
 * it asks for a timer in the past (kafkajs#1751): a process of the mesh woke up 800 times a second and took 3 to 7 % of a
 * core to do nothing. With no request waiting there is nothing to look for; whatever begins to wait asks for a look itself.
 */
export function letIdleConnectionsRest(): void {
  queues.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.pending.length > 0) look.call(this);
  };
}
