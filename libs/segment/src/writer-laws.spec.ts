import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RecordedCall } from './testing/recorded-call.ts';
import type { AppendFate, ScriptedLog } from './testing/scripted-log.ts';
import { startedWriter } from './testing/started-writer.ts';

type Step =
  | { readonly act: 'write'; readonly call: number; readonly count: number; readonly large: boolean }
  | { readonly act: 'answer'; readonly fate: AppendFate }
  | { readonly act: 'after'; readonly ms: number }
  | { readonly act: 'jump'; readonly ms: number }
  | { readonly act: 'reach'; readonly reach: ScriptedLog['reach'] }
  | { readonly act: 'closed by another' }
  | { readonly act: 'end'; readonly call: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ act: fc.constant('write' as const), call: fc.nat(4), count: fc.integer({ min: 1, max: 3 }), large: fc.nat(9).map((dice) => dice === 0) }) },
  { weight: 5, arbitrary: fc.constant({ act: 'answer' as const, fate: 'acknowledged' as const }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('answer' as const), fate: fc.constantFrom<AppendFate>('stored, unknown', 'dropped, unknown', 'stored, silent', 'dropped, silent', 'disk full') }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('after' as const), ms: fc.constantFrom(1, 20, 300, 2_100, 5_100, 9_900, 10_100) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('jump' as const), ms: fc.constantFrom(1_000, 9_000, 10_000, 15_000) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('reach' as const), reach: fc.constantFrom<ScriptedLog['reach']>('up', 'up', 'down', 'silent') }) },
  { weight: 1, arbitrary: fc.constant({ act: 'closed by another' as const }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('end' as const), call: fc.nat(4) }) },
);

describe('the laws of the writer, whatever becomes of appends, renewals and time', () => {
  it('nothing is released that is not in the log under a held lease; nothing is lost in silence; nothing is written twice or out of order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (script) => {
        const { clock, log, writer, after, write } = await startedWriter();
        const broken: string[] = [];
        const all: RecordedCall[] = [];
        const slots: RecordedCall[] = [];
        const check = (call: RecordedCall): void => {
          const inLog = new Set(log.labels());
          if (call.taken.some((label) => !inLog.has(label))) broken.push(`${call.id} was released without its record`);
          if (clock.monotonicMs() >= log.leaseUntilMs()) broken.push(`${call.id} was released after the lease`);
        };
        const callAt = (slot: number, large: boolean): RecordedCall => {
          const present = slots[slot];
          if (present && !present.error) return present;
          const fresh = new RecordedCall(`call-${all.length}`, { onAcknowledged: check, bodyBytes: large ? 200_000 : 10 });
          all.push(fresh);
          return (slots[slot] = fresh);
        };
        for (const now of script) {
          if (now.act === 'write') await write(callAt(now.call, now.large), now.count);
          else if (now.act === 'answer') log.answer(now.fate);
          else if (now.act === 'after') await after(now.ms);
          else if (now.act === 'jump') clock.jump(now.ms);
          else if (now.act === 'reach') log.reach = now.reach;
          else if (now.act === 'closed by another') log.closeCurrent();
          else writer.close(callAt(now.call, false));
          await nextTurn();
        }
        log.reach = 'up';
        for (let round = 0; round < 300 && !(all.every((call) => call.error ?? call.settled)); round++) {
          log.answer('acknowledged');
          await after(250);
        }
        expect(broken).toEqual([]);
        expect(log.faults).toEqual([]);
        const labels = log.labels();
        expect(new Set(labels).size).toBe(labels.length);
        for (const call of all) {
          const mine = labels.filter((label) => label.startsWith(`${call.id}:`));
          expect(mine).toEqual(call.taken.slice(0, mine.length));
          expect(call.news.indexOf('lost') === -1 || call.news.indexOf('lost') === call.news.length - 1).toBe(true);
          expect(call.error !== undefined || call.settled).toBe(true);
        }
      }),
      { numRuns: 400 },
    );
  });
});
