import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Hold, Store, Subject, Taking, Use, WindowLimit } from './store.ts';

/** A store under a clock that the test moves. */
export interface StoreHouse {
  readonly store: Store;
  nowMs(): number;
  pass(ms: number): void;
}

const MINUTE_MS = 60_000;
const second: WindowLimit = { name: 'second', windowMs: 1_000, bucketMs: 100, limit: 3, counts: 'takings' };
const minute: WindowLimit = { name: 'minute', windowMs: MINUTE_MS, bucketMs: 100, limit: 100, counts: 'amounts' };
const day: WindowLimit = { name: 'day', windowMs: 1_440 * MINUTE_MS, bucketMs: MINUTE_MS, limit: 4, counts: 'takings' };

/** What every adapter promises. `house` makes a store that nobody has used. */
export function storeContract(name: string, house: () => Promise<StoreHouse>): void {
  describe(`${name} keeps the contract of a store:`, () => {
    let made = 0;
    const subject = (windows: readonly WindowLimit[], places?: number, id = `s${made++}`): Subject => ({ id, windows, places });
    const taken = async (taking: Taking | Promise<Taking>): Promise<Hold> => {
      const { hold } = await taking;
      if (!hold) throw new Error('it was refused');
      return hold;
    };

    it('lets in up to the limit, says when it fits again, and lets in then and not before', async () => {
      const { store, pass } = await house();
      const who = [subject([second])];
      expect(await store.take(who, 0)).toMatchObject({ windows: [{ waitMs: 0, remaining: 2, emptyInMs: 1_000 }], full: expect.not.arrayContaining([true]) });
      pass(250);
      await taken(store.take(who, 0));
      await taken(store.take(who, 0));
      expect(await store.take(who, 0)).toEqual({ hold: undefined, windows: [{ waitMs: 750, remaining: 0, emptyInMs: 1_000 }], full: [false] });
      pass(749);
      expect((await store.take(who, 0)).windows[0]!.waitMs).toBe(1);
      pass(1);
      expect(await store.take(who, 0)).toMatchObject({ hold: expect.anything(), windows: [{ remaining: 0 }] });
    });

    it('takes of all subjects or of none', async () => {
      const { store } = await house();
      const [tight, wide] = [subject([{ ...second, limit: 1 }]), subject([second, minute], 5)];
      await taken(store.take([tight], 0));
      expect(await store.take([wide, tight], 40)).toMatchObject({ hold: undefined, windows: [{ waitMs: 0, remaining: 3 }, { waitMs: 0, remaining: 100 }, { waitMs: 1_000, remaining: 0 }] });
      expect(await store.take([wide], 40)).toMatchObject({ windows: [{ remaining: 2 }, { remaining: 60 }] });
    });

    it('says of what can never fit that it never will', async () => {
      const { store } = await house();
      expect(await store.take([subject([minute])], 101)).toMatchObject({ hold: undefined, windows: [{ waitMs: Infinity, remaining: 100, emptyInMs: 0 }] });
    });

    it('counts by subject and by name, whatever the limit is now', async () => {
      const { store } = await house();
      const who = subject([minute]);
      await taken(store.take([who], 60));
      expect(await store.take([{ ...who, windows: [{ ...minute, limit: 50 }] }], 1)).toMatchObject({ hold: undefined, windows: [{ remaining: 0 }] });
      expect(await store.take([{ ...who, windows: [{ ...minute, name: 'other' }] }], 1)).toMatchObject({ windows: [{ remaining: 99 }] });
      expect(await store.take([{ ...who, windows: [{ ...minute, limit: 200 }] }], 0)).toMatchObject({ windows: [{ remaining: 140 }] });
    });

    it('holds places until they are given back, once', async () => {
      const { store } = await house();
      const who = [subject([], 2)];
      const first = await taken(store.take(who, 0));
      await taken(store.take(who, 0));
      expect(await store.take(who, 0)).toEqual({ hold: undefined, windows: [], full: [true] });
      first.end(0);
      first.end(0);
      await taken(store.take(who, 0));
      expect((await store.take(who, 0)).full).toEqual([true]);
    });

    it('counts what is held already under a limit of places that is set now', async () => {
      const { store } = await house();
      const who = subject([]);
      const holds = [await taken(store.take([who], 0)), await taken(store.take([who], 0))];
      const limited = [{ ...who, places: 2 }];
      expect((await store.take(limited, 0)).full).toEqual([true]);
      holds[0]!.end(0);
      const third = await taken(store.take(limited, 0));
      expect((await store.take(limited, 0)).full).toEqual([true]);
      third.end(0);
      holds[1]!.end(0);
      for (let at = 0; at < 2; at++) await taken(store.take(limited, 0));
      expect((await store.take(limited, 0)).full).toEqual([true]);
    });

    it('refuses where there is no place at all', async () => {
      const { store } = await house();
      expect((await store.take([subject([], 0)], 0)).full).toEqual([true]);
    });

    it('puts right what was taken: less is taken back from the latest use first, more counts in the latest', async () => {
      const { store, pass } = await house();
      const who = [subject([minute])];
      const remaining = async (): Promise<number> => (await store.take(who, 0)).windows[0]!.remaining;
      const hold = await taken(store.take(who, 30));
      pass(30_000);
      hold.use(40);
      expect(await remaining()).toBe(30);
      hold.use(500);
      expect(await store.take(who, 1)).toMatchObject({ hold: undefined, windows: [{ remaining: 0 }] });
      hold.end(-520);
      hold.end(-50);
      hold.use(10);
      expect(await remaining()).toBe(50);
      const more = await taken(store.take(who, 10));
      more.end(15);
      expect(await remaining()).toBe(25);
      pass(30_000);
      expect(await remaining()).toBe(55);
    });

    it('takes a correction that comes late as nothing where less was used, and counts from now what is more', async () => {
      const { store, pass } = await house();
      const who = [subject([minute])];
      const holds = [await taken(store.take(who, 60)), await taken(store.take(who, 20))];
      pass(2 * MINUTE_MS);
      holds[0]!.end(-60);
      holds[1]!.end(70);
      expect((await store.take(who, 0)).windows[0]).toMatchObject({ remaining: 30, emptyInMs: MINUTE_MS });
      pass(MINUTE_MS - 1);
      expect((await store.take(who, 0)).windows[0]!.remaining).toBe(30);
      pass(1);
      expect((await store.take(who, 0)).windows[0]).toMatchObject({ remaining: 100, emptyInMs: 0 });
    });

    it('counts what was used before anything else, until that has left', async () => {
      const { store, nowMs, pass } = await house();
      const who = subject([day]);
      const uses: Use[] = [{ atMs: nowMs() - day.windowMs + 5_000, amount: 2 }, { atMs: nowMs() - 1_000, amount: 1 }];
      store.precede(who.id, day, uses);
      expect((await store.take([who], 0)).windows[0]!.remaining).toBe(0);
      expect(await store.take([who], 0)).toMatchObject({ hold: undefined, windows: [{ waitMs: 5_000 }] });
      pass(5_000);
      expect((await store.take([who], 0)).windows[0]!.remaining).toBe(1);
    });

    it('never lets in more than a limit in any window, wherever it begins, nor keeps out longer than it must', async () => {
      const { store, nowMs, pass } = await house();
      const step = fc.record({ pauseMs: fc.constantFrom(0, 0, 1, 40, 99, 100, 333, 700, 1_000, 1_100), amount: fc.integer({ min: 0, max: 40 }), truth: fc.integer({ min: 0, max: 50 }) });
      const amounts: WindowLimit = { ...second, name: 'amounts', limit: 60, counts: 'amounts' };
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.integer({ min: 1, max: 5 }), async (steps, limit) => {
          const who = [subject([{ ...second, limit }]), subject([amounts])];
          const takings: { readonly atMs: number; readonly charged: number }[] = [];
          const sum = (endMs: number, of: (taking: (typeof takings)[number]) => number, lengthMs = 1_000): number => takings.filter(({ atMs }) => atMs > endMs - lengthMs && atMs <= endMs).reduce((all, one) => all + of(one), 0);
          for (const { pauseMs, amount, truth } of steps) {
            pass(pauseMs);
            const atMs = nowMs();
            const { hold, windows } = await store.take(who, amount);
            // What shares a bucket may wait for the last of it.
            if (!hold) {
              expect(sum(atMs, () => 1, 1_100) + 1 > limit || sum(atMs, ({ charged }) => charged, 1_100) + amount > 60).toBe(true);
              continue;
            }
            expect(windows.every(({ waitMs }) => waitMs === 0)).toBe(true);
            takings.push({ atMs, charged: amount });
            expect(sum(atMs, () => 1)).toBeLessThanOrEqual(limit);
            expect(sum(atMs, ({ charged }) => charged)).toBeLessThanOrEqual(60);
            if (truth < amount) {
              hold.end(truth - amount);
              takings[takings.length - 1] = { atMs, charged: truth };
            }
          }
        }),
        { numRuns: 60 },
      );
    });

    it('gives all places back in the end, whatever the order', async () => {
      const { store } = await house();
      await fc.assert(
        fc.asyncProperty(fc.array(fc.integer({ min: -6, max: 6 }), { maxLength: 40 }), async (acts) => {
          const who = [subject([], 3), subject([], 2)];
          const held: Hold[] = [];
          for (const act of acts) {
            if (act < 0) held.splice(act % (held.length + 1), 1)[0]?.end(0);
            else {
              const { hold } = await store.take(who, 0);
              expect(hold === undefined).toBe(held.length >= 2);
              if (hold) held.push(hold);
            }
          }
          for (const hold of held) hold.end(0);
          expect([(await store.take(who, 0)).hold, (await store.take(who, 0)).hold].includes(undefined)).toBe(false);
          expect((await store.take(who, 0)).full).toEqual([false, true]);
        }),
        { numRuns: 40 },
      );
    });
  });
}
