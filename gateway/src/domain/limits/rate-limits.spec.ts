import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { createInProcessStore } from '@sluice/store';
import fc from 'fast-check';
import type { Principal } from '../call.ts';
import type { Limits } from './limits.ts';
import { RateLimitRefusal } from './rate-limit-refusal.ts';
import { CHARGE_STEP_TOKENS, RateLimits, type Ticket } from './rate-limits.ts';

const NONE: Limits = { requestsPerMinute: 0, tokensPerMinute: 0, concurrentRequests: 0, requestsPerDay: 0 };
const MINUTE_MS = 60_000;
const caller = (key = 'key_1', project = 'proj_1'): Principal => ({ keyId: key, projectId: project, organisationId: 'org_1', models: [], keepsBodies: true });

class House {
  readonly clock = new ManualClock();
  readonly known = new Map<string, Limits>();
  readonly store = createInProcessStore(this.clock);
  readonly #limits = new RateLimits({ limits: (id) => this.known.get(id) }, this.store);
  /** Where nobody else has to be asked, the answer is there at once. */
  readonly limits = {
    admit: (principal: Principal, tokens: number): Ticket => this.#limits.admit(principal, tokens) as Ticket,
    remember: (id: string, uses: Parameters<RateLimits['remember']>[1]): void => this.#limits.remember(id, uses),
  };

  set(id: string, limits: Partial<Limits>): this {
    this.known.set(id, { ...NONE, ...limits });
    return this;
  }

  refusal(principal = caller(), tokens = 0): RateLimitRefusal {
    try {
      this.limits.admit(principal, tokens);
    } catch (thrown) {
      if (thrown instanceof RateLimitRefusal) return thrown;
      throw thrown;
    }
    throw new Error('it was let in');
  }
}

describe('RateLimits', () => {
  it('let everything in where there is no limit, and say so', () => {
    const house = new House();
    for (let call = 0; call < 1_000; call++) expect(house.limits.admit(caller(), 1e9).state).toBeUndefined();
  });

  it.each([
    ['organisation', 'org_1', 1],
    ['project', 'proj_1', 2],
    ['key', 'key_1', 3],
  ])('hold at the level %s and name what was reached', (level, id, number) => {
    const house = new House().set(id, { requestsPerMinute: 2 });
    for (let call = 0; call < 2; call++) house.limits.admit(caller(), 0);
    const refusal = house.refusal();
    expect(refusal).toMatchObject({ code: 'rate_limit_exceeded', httpStatus: 429, message: expect.stringContaining(`2 requests a minute for this ${level}`) });
    expect(refusal.refusedBy).toEqual({ level: number, subjectId: id, kind: 'requests_per_minute', limit: 2n });
    expect(refusal.state).toEqual({ requests: { limit: 2, remaining: 0, resetMs: expect.any(Number) }, tokens: undefined });
  });

  it.each([
    ['requests_per_minute', { requestsPerMinute: 1 }, MINUTE_MS],
    ['requests_per_day', { requestsPerDay: 1 }, 1_440 * MINUTE_MS],
    ['tokens_per_minute', { tokensPerMinute: 10 }, MINUTE_MS],
  ])('let a call in again behind %s when they said, and not later than they must', (kind, limits, windowMs) => {
    const house = new House().set('proj_1', limits);
    house.limits.admit(caller(), 10).end(10);
    const { refusedBy, waitMs, retryAfterSeconds } = house.refusal(caller(), 10);
    expect(refusedBy.kind).toBe(kind);
    expect(waitMs).toBe(windowMs);
    expect(retryAfterSeconds).toBe(waitMs! / 1000);
    house.clock.jump(waitMs! - 1);
    house.refusal(caller(), 10);
    house.clock.jump(1);
    house.limits.admit(caller(), 10);
  });

  it('count the requests of the day before, which leave as if they had been counted here', () => {
    const house = new House().set('proj_1', { requestsPerDay: 4 });
    const dayMs = 1_440 * MINUTE_MS;
    const startMs = house.clock.monotonicMs();
    house.limits.admit(caller(), 0);
    house.limits.remember('proj_1', [{ atMs: startMs - dayMs + 5_000, amount: 2 }, { atMs: startMs - 1_000, amount: 1 }]);
    house.limits.remember('key_9', [{ atMs: startMs - 1_000, amount: 9 }]);
    const refusal = house.refusal();
    expect([refusal.waitMs, refusal.state.requests!.remaining]).toEqual([5_000, 0]);
    house.clock.jump(5_000);
    expect([house.limits.admit(caller(), 0), house.limits.admit(caller(), 0)].map(({ state }) => state!.requests!.remaining)).toEqual([1, 0]);
    expect(house.refusal().waitMs).toBe(dayMs - 6_000);
  });

  it('give a place back once, however often an end is told', () => {
    const house = new House().set('key_1', { concurrentRequests: 2 });
    const [first] = [house.limits.admit(caller(), 0), house.limits.admit(caller(), 0)];
    expect(house.refusal()).toMatchObject({ refusedBy: { kind: 'concurrent_requests', limit: 2n }, waitMs: 1_000 });
    first!.end(0);
    first!.end(0);
    house.limits.admit(caller(), 0);
    house.refusal();
  });

  it('count calls that run already under a limit that is set now', () => {
    const house = new House();
    const running = [house.limits.admit(caller(), 0), house.limits.admit(caller('key_2'), 0)];
    house.set('proj_1', { concurrentRequests: 2 });
    house.refusal();
    running[0]!.end(0);
    house.limits.admit(caller(), 0);
  });

  it('charge the bound and put it right at the end, in the minute that was charged', () => {
    const house = new House().set('org_1', { tokensPerMinute: 100 });
    const ticket = house.limits.admit(caller(), 80);
    expect(ticket.state!.tokens).toEqual({ limit: 100, remaining: 20, resetMs: expect.any(Number) });
    house.refusal(caller(), 21);
    ticket.end(30);
    ticket.end(0);
    expect(house.limits.admit(caller(), 70).state!.tokens!.remaining).toBe(0);
    house.clock.jump(2 * MINUTE_MS);
    expect(house.limits.admit(caller(), 100).state!.tokens!.remaining).toBe(0);
  });

  it('count what an answer took beyond its bound, and never show less than nothing', () => {
    const house = new House().set('org_1', { tokensPerMinute: 100 });
    house.limits.admit(caller(), 50).end(500);
    expect(house.refusal(caller(), 1).state.tokens!.remaining).toBe(0);
  });

  it('charge the output of a long call when it appears, in steps, and not when the call came', () => {
    const house = new House().set('org_1', { tokensPerMinute: 2_000 });
    const ticket = house.limits.admit(caller(), 1_000);
    ticket.used(900);
    expect(house.refusal(caller(), 1_001).state.tokens!.remaining).toBe(1_000);
    house.clock.jump(2 * MINUTE_MS);
    ticket.used(1_001);
    expect(house.refusal(caller(), 2_000).state.tokens!.remaining).toBe(2_000 - CHARGE_STEP_TOKENS);
    ticket.used(1_000 + CHARGE_STEP_TOKENS);
    ticket.used(9_000);
    expect(house.refusal(caller(), 1).state.tokens!.remaining).toBe(0);
    ticket.end(2_500);
    ticket.used(90_000);
    // 1,500 beyond the first charge stay; what was charged too much is given back.
    expect(house.refusal(caller(), 501).state.tokens!.remaining).toBe(500);
    house.limits.admit(caller(), 500).end(0);
  });

  it('do not forget what a call took beyond its charge, however long it ran', () => {
    const house = new House().set('key_1', { tokensPerMinute: 2_000 });
    const ticket = house.limits.admit(caller(), 1_100);
    house.clock.jump(70_000);
    ticket.end(1_000_000);
    house.refusal(caller(), 1);
    house.clock.jump(MINUTE_MS - 100);
    house.refusal(caller(), 1);
    house.clock.jump(300);
    house.limits.admit(caller(), 2_000);
  });

  it('count for all time together what calls took in truth, whatever was charged meanwhile', () => {
    const step = fc.record({ pauseMs: fc.integer({ min: 0, max: 200 }), more: fc.integer({ min: 0, max: 2_000 }) });
    fc.assert(fc.property(fc.nat({ max: 3_000 }), fc.array(step, { maxLength: 20 }), fc.nat({ max: 20_000 }), (bound, steps, truth) => {
      const house = new House().set('key_1', { tokensPerMinute: 1_000_000 });
      const ticket = house.limits.admit(caller(), bound);
      let seen = 0;
      for (const { pauseMs, more } of steps) {
        house.clock.jump(pauseMs);
        ticket.used((seen += more));
      }
      const charged = 1_000_000 - house.limits.admit(caller(), 0).state!.tokens!.remaining;
      expect(charged).toBeGreaterThanOrEqual(Math.max(bound, seen));
      expect(charged).toBeLessThan(Math.max(bound, seen) + CHARGE_STEP_TOKENS);
      ticket.end(truth);
      expect(1_000_000 - house.limits.admit(caller(), 0).state!.tokens!.remaining).toBe(truth);
    }));
  });

  it('tell a request that can never fit what was asked and what there is, and not to try again', () => {
    const house = new House().set('proj_1', { tokensPerMinute: 100, requestsPerMinute: 1 });
    house.limits.admit(caller(), 1);
    const refusal = house.refusal(caller(), 101);
    expect(refusal).toMatchObject({ refusedBy: { kind: 'tokens_per_minute', limit: 100n }, waitMs: undefined, retryAfterSeconds: undefined });
    expect(refusal.message).toContain('100 tokens a minute');
    expect(refusal.message).toContain('101');
  });

  it('name the limit with the longest wait, because only behind it a retry makes sense', () => {
    const house = new House().set('key_1', { requestsPerMinute: 1, requestsPerDay: 1, concurrentRequests: 1 });
    house.limits.admit(caller(), 0);
    expect(house.refusal().refusedBy.kind).toBe('requests_per_day');
  });

  it('tell the tightest of all levels, of requests and of tokens', () => {
    const house = new House().set('org_1', { requestsPerMinute: 10, tokensPerMinute: 50 }).set('proj_1', { requestsPerDay: 5 }).set('key_1', { requestsPerMinute: 7, tokensPerMinute: 40 });
    expect(house.limits.admit(caller(), 20).state).toMatchObject({ requests: { limit: 5, remaining: 4 }, tokens: { limit: 40, remaining: 20 } });
    expect(house.limits.admit(caller('key_2'), 20).state).toMatchObject({ requests: { limit: 5, remaining: 3 }, tokens: { limit: 50, remaining: 10 } });
  });

  it('follow a change of limits with the next call, and keep what was counted', () => {
    const house = new House().set('proj_1', { requestsPerMinute: 3 });
    for (let call = 0; call < 3; call++) house.limits.admit(caller(), 0);
    house.refusal();
    house.set('proj_1', { requestsPerMinute: 4 });
    house.limits.admit(caller(), 0);
    house.refusal();
    house.set('proj_1', { requestsPerMinute: 1 });
    expect(house.refusal().state.requests).toMatchObject({ limit: 1, remaining: 0 });
    house.known.delete('proj_1');
    house.limits.admit(caller(), 0);
    house.set('proj_1', { requestsPerMinute: 4 });
    house.refusal();
  });

  it('take nothing of any level when one of them refuses', () => {
    const anyLimits = fc.record({ requestsPerMinute: fc.nat(4), tokensPerMinute: fc.nat(60), concurrentRequests: fc.nat(3), requestsPerDay: fc.nat(6) });
    const calls = fc.array(fc.record({ key: fc.constantFrom('key_1', 'key_2'), tokens: fc.nat(30), pauseMs: fc.constantFrom(0, 200, 20_000), ends: fc.boolean() }), { maxLength: 60 });
    fc.assert(
      fc.property(anyLimits, anyLimits, anyLimits, calls, (organisation, project, key, made) => {
        const house = new House().set('org_1', organisation).set('proj_1', project).set('key_1', key);
        const reached = (limit: number, used: number): boolean => limit > 0 && used > limit;
        const admitted: { key: string; atMs: number; tokens: number; running: boolean; ticket: Ticket }[] = [];
        for (const { key: id, tokens, pauseMs, ends } of made) {
          house.clock.jump(pauseMs);
          const nowMs = house.clock.monotonicMs();
          // Pauses are longer than a bucket of a minute, or none, and a day is longer than all of them: what leaves, leaves alone.
          const recent = (windowMs: number, mine: boolean) => admitted.filter((call) => (!mine || call.key === 'key_1') && call.atMs > nowMs - windowMs);
          const isOver = (limits: Limits, mine: boolean): boolean =>
            reached(limits.requestsPerMinute, recent(MINUTE_MS, mine).length + 1) ||
            reached(limits.requestsPerDay, recent(1_440 * MINUTE_MS, mine).length + 1) ||
            reached(limits.tokensPerMinute, recent(MINUTE_MS, mine).reduce((sum, call) => sum + call.tokens, 0) + tokens) ||
            reached(limits.concurrentRequests, admitted.filter((call) => call.running && (!mine || call.key === 'key_1')).length + 1);
          const expected = isOver(organisation, false) || isOver(project, false) || (id === 'key_1' && isOver(key, true));
          let ticket: Ticket | undefined;
          try {
            ticket = house.limits.admit(caller(id), tokens);
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(RateLimitRefusal);
          }
          expect(ticket === undefined).toBe(expected);
          if (ticket) admitted.push({ key: id, atMs: nowMs, tokens, running: true, ticket });
          const first = ends ? admitted.find((call) => call.running) : undefined;
          if (first) {
            first.tokens = Math.floor(first.tokens / 2);
            first.running = false;
            first.ticket.end(first.tokens);
          }
        }
      }),
    );
  });

  it('keep to every limit among 64 callers at once', async () => {
    const house = new House().set('org_1', { requestsPerMinute: 500, concurrentRequests: 20, tokensPerMinute: 9_000 }).set('proj_1', { requestsPerDay: 300 });
    let running = 0;
    let most = 0;
    let admitted = 0;
    let refused = 0;
    const used = new Map<number, number>();
    const call = async (who: number, round: number): Promise<void> => {
      let ticket: Ticket;
      try {
        ticket = house.limits.admit(caller(`key_${who % 5}`), 30);
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(RateLimitRefusal);
        refused++;
        return;
      }
      admitted++;
      used.set(who, (used.get(who) ?? 0) + 1);
      most = Math.max(most, ++running);
      for (let turn = 0; turn < (who + round) % 7; turn++) await Promise.resolve();
      running--;
      ticket.end(30);
    };
    await Promise.all(Array.from({ length: 64 }, async (_, who) => {
      for (let round = 0; round < 40; round++) {
        await call(who, round);
        await Promise.resolve();
      }
    }));
    expect(most).toBeLessThanOrEqual(20);
    expect(admitted).toBe(300);
    expect(refused).toBe(64 * 40 - 300);
  });

  it('forget who is idle, and nobody who is not', () => {
    const house = new House().set('org_1', { requestsPerDay: 5 });
    house.limits.admit(caller('key_1'), 0);
    for (let key = 0; key < 50; key++) {
      house.set('org_1', {});
      house.limits.admit(caller(`idle_${key}`, `idle_proj_${key}`), 0).end(0);
    }
    expect(house.store.size).toBe(103);
    house.clock.jump(10 * MINUTE_MS);
    house.set('org_1', { requestsPerDay: 5 });
    expect(house.limits.admit(caller('key_1'), 0).state!.requests!.remaining).toBe(3);
    expect(house.store.size).toBe(3);
  });
});
