import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { silentLogger } from '@sluice/telemetry';
import fc from 'fast-check';
import { EpochLease } from './epoch.ts';
import { LEASE_MS } from './limits.ts';

async function taken() {
  const clock = new ManualClock();
  const renewals: PromiseWithResolvers<void>[] = [];
  const events = {
    takeEpoch: async () => 3n,
    renewEpoch: () => {
      const renewal = Promise.withResolvers<void>();
      renewals.push(renewal);
      return renewal.promise;
    },
  };
  const lease = await EpochLease.take({ events, clock, logger: silentLogger, producer: 'g' });
  return { clock, renewals, lease };
}

describe('a lease', () => {
  it('lasts 10 s, to the millisecond', async () => {
    const { clock, lease } = await taken();
    clock.jump(9_999);
    expect(lease.held()).toBe(true);
    clock.jump(1);
    expect(lease.held()).toBe(false);
  });

  it('counts from before the renewal was sent, not from its answer', async () => {
    const { clock, renewals, lease } = await taken();
    clock.jump(2_000);
    void lease.renewWhenDue();
    clock.jump(7_000);
    renewals[0]!.resolve();
    await nextTurn();
    clock.jump(2_999);
    expect(lease.held()).toBe(true);
    clock.jump(1);
    expect(lease.held()).toBe(false);
  });

  it('is over when the machine slept for as long as was left of it, until a renewal sent after that is heard', async () => {
    const { clock, renewals, lease } = await taken();
    const wallMs = clock.wallMs.bind(clock);
    clock.jump(2_000);
    void lease.renewWhenDue();
    let sleptMs = 7_999;
    clock.wallMs = () => wallMs() + sleptMs;
    expect(lease.held()).toBe(true);
    sleptMs = 8_000;
    expect(lease.held()).toBe(false);
    sleptMs = 10_000;
    renewals[0]!.resolve();
    await nextTurn();
    expect(lease.held()).toBe(false);
    clock.jump(2_000);
    void lease.renewWhenDue();
    renewals[1]!.resolve();
    await nextTurn();
    expect(lease.held()).toBe(true);
  });

  it('is neither ended nor made longer by a wall clock that was set back', async () => {
    const { clock, lease } = await taken();
    clock.wallMs = () => 0;
    clock.jump(9_999);
    expect(lease.held()).toBe(true);
    clock.jump(1);
    expect(lease.held()).toBe(false);
  });

  it('is held for less than 10 s of real time, however that is made of work, pauses and sleeps', async () => {
    const span = fc.record({ kind: fc.constantFrom('awake' as const, 'asleep' as const), ms: fc.integer({ min: 0, max: 6_000 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(span, { minLength: 1, maxLength: 8 }), async (spans) => {
        const { clock, lease } = await taken();
        const wallMs = clock.wallMs.bind(clock);
        let [realMs, sleptMs] = [0, 0];
        clock.wallMs = () => wallMs() + sleptMs;
        for (const { kind, ms } of spans) {
          realMs += ms;
          if (kind === 'asleep') sleptMs += ms;
          else clock.jump(ms);
          expect(lease.held()).toBe(realMs < LEASE_MS);
        }
      }),
    );
  });

  it('counts from before it was asked for', async () => {
    const clock = new ManualClock();
    const asked = Promise.withResolvers<bigint>();
    const taking = EpochLease.take({ events: { takeEpoch: () => asked.promise, renewEpoch: async () => undefined }, clock, logger: silentLogger, producer: 'g' });
    clock.jump(10_000);
    asked.resolve(1n);
    expect((await taking).held()).toBe(false);
  });

  it('is renewed every 2 s, one renewal at a time', async () => {
    const { clock, renewals, lease } = await taken();
    clock.jump(1_999);
    void lease.renewWhenDue();
    expect(renewals).toHaveLength(0);
    clock.jump(1);
    void lease.renewWhenDue();
    clock.jump(2_000);
    void lease.renewWhenDue();
    expect(renewals).toHaveLength(1);
    expect(lease.unansweredSinceMs).toBe(2_000);
    renewals[0]!.resolve();
    await nextTurn();
    expect(lease.unansweredSinceMs).toBeUndefined();
    void lease.renewWhenDue();
    expect(renewals).toHaveLength(2);
  });

  it('survives a renewal that failed, and remembers since when the log is silent', async () => {
    const { clock, renewals, lease } = await taken();
    clock.jump(2_000);
    void lease.renewWhenDue();
    renewals[0]!.reject(new ServiceError('audit_log_unavailable', 'away'));
    await nextTurn();
    expect(lease.held()).toBe(true);
    void lease.renewWhenDue();
    expect(renewals).toHaveLength(1);
    clock.jump(500);
    void lease.renewWhenDue();
    expect(renewals).toHaveLength(2);
    expect(lease.unansweredSinceMs).toBe(2_000);
  });

  it('is over at once when the log says so', async () => {
    const { clock, renewals, lease } = await taken();
    clock.jump(2_000);
    void lease.renewWhenDue();
    renewals[0]!.reject(new ServiceError('epoch_lost', 'closed'));
    await nextTurn();
    expect(lease.held()).toBe(false);
  });

  it('is not waited for longer than it would last', async () => {
    const clock = new ManualClock();
    const taking = EpochLease.take({ events: { takeEpoch: () => new Promise(() => undefined), renewEpoch: async () => undefined }, clock, logger: silentLogger, producer: 'g' });
    clock.advance(10_000);
    await expect(taking).rejects.toMatchObject({ code: 'audit_log_unavailable' });
  });
});
