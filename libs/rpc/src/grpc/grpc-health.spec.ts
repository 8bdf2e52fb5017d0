import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { HealthCheckResponse_ServingStatus as Status, HealthCheckRequestSchema } from '@sluice/proto/grpc/health/v1/health';
import { create } from '@bufbuild/protobuf';
import { GrpcHealth } from './grpc-health.ts';

const of = (service: string) => create(HealthCheckRequestSchema, { service });
const context = (signal: AbortSignal) => ({ signal, metadata: {} });

describe('the health service', () => {
  it('tells a watcher each change within a second, once, and the end', async () => {
    const clock = new ManualClock();
    let isServing = true;
    const health = new GrpcHealth(clock, () => isServing);
    const watch = health.watch(of(''), context(new AbortController().signal));
    expect((await watch.next()).value).toEqual({ status: Status.SERVING });
    const next = watch.next();
    await Promise.resolve();
    clock.advance(1_000);
    isServing = false;
    await Promise.resolve();
    clock.advance(999);
    clock.advance(1);
    expect((await next).value).toEqual({ status: Status.NOT_SERVING });
    const last = watch.next();
    health.stop();
    expect(await last).toEqual({ done: true, value: undefined });
  });

  it('says that a service is unknown until it is served', async () => {
    const clock = new ManualClock();
    const health = new GrpcHealth(clock, () => true);
    const watch = health.watch(of('s'), context(new AbortController().signal));
    expect((await watch.next()).value).toEqual({ status: Status.SERVICE_UNKNOWN });
    health.add('s');
    const next = watch.next();
    await Promise.resolve();
    clock.advance(1_000);
    expect((await next).value).toEqual({ status: Status.SERVING });
    expect(await health.list()).toEqual({ statuses: { '': { status: Status.SERVING }, s: { status: Status.SERVING } } });
  });

  it('leaves no timer and no place taken when a watcher leaves', async () => {
    const clock = new ManualClock();
    const health = new GrpcHealth(clock, () => true);
    for (let round = 0; round < 1_500; round++) {
      const controller = new AbortController();
      const watch = health.watch(of(''), context(controller.signal));
      await watch.next();
      const waiting = watch.next();
      controller.abort();
      expect((await waiting).done).toBe(true);
    }
  });

  it('takes no more than a thousand watchers', async () => {
    const health = new GrpcHealth(new ManualClock(), () => true);
    const watches = Array.from({ length: 1_001 }, () => health.watch(of(''), context(new AbortController().signal)).next());
    const outcomes = await Promise.allSettled(watches);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1_000);
    expect(outcomes[1_000]).toMatchObject({ reason: { code: 'overloaded' } });
  });
});
