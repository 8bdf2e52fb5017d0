import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { RequestQueueClass, letIdleConnectionsRest, type RequestQueue } from './idle-request-queue.ts';

const quiet = { debug: () => undefined, warn: () => undefined };

describe('a connection of the driver', () => {
  beforeEach(() => {
    letIdleConnectionsRest();
    jest.useFakeTimers();
  });
  afterEach(() => void jest.useRealTimers());

  const queue = (): RequestQueue => new RequestQueueClass({ maxInFlightRequests: 1, requestTimeout: 5000, enforceRequestTimeout: true, clientId: 'c', broker: 'b:1', logger: quiet });
  const push = (to: RequestQueue, correlationId: number, sent: number[]): void =>
    to.push({ entry: { correlationId, apiName: 'Produce', apiKey: 0, apiVersion: 7, resolve: () => undefined, reject: () => undefined }, expectResponse: true, sendRequest: () => sent.push(correlationId) });

  it('has no timer when nothing waits', () => {
    const [one, sent] = [queue(), [] as number[]];
    push(one, 1, sent);
    one.fulfillRequest({ correlationId: 1, payload: null, size: 0 });
    expect([sent, jest.getTimerCount()]).toEqual([[1], 0]);
  });

  it('sends what waits when the request before it is answered', () => {
    const [one, sent] = [queue(), [] as number[]];
    push(one, 1, sent);
    push(one, 2, sent);
    expect(sent).toEqual([1]);
    one.fulfillRequest({ correlationId: 1, payload: null, size: 0 });
    expect(sent).toEqual([1, 2]);
  });

  it('sends what waits for a broker that asked for a pause', () => {
    const [one, sent] = [queue(), [] as number[]];
    one.maybeThrottle(200);
    push(one, 1, sent);
    jest.advanceTimersByTime(199);
    expect(sent).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(sent).toEqual([1]);
  });
});
