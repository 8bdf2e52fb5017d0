import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import type { Hit } from '@sluice/proto/content_filter/v1/content_filter';
import { recordingLogger } from '@sluice/testkit';
import type { CallHits } from './call/call-filter.ts';
import { HitJournal, type HitBatch } from './hit-journal.ts';

const found = (callId: string, hits = 1): CallHits => ({
  callId, organisationId: 'org', projectId: 'project', policyVersion: 1n, hits: Array.from({ length: hits }, () => ({}) as Hit), hitCount: hits, counts: [], atMs: 5,
});

/** A journal over a store whose writes end when the test says so. */
function journalOf() {
  const clock = new ManualClock();
  const logged: string[] = [];
  const written: string[][] = [];
  const tried: HitBatch[] = [];
  let dropped = 0;
  const store = {
    write: async (batch: HitBatch): Promise<void> => {
      tried.push(batch);
      await answers.before();
      written.push(batch.calls.map(({ callId }) => callId));
    },
  };
  const answers = { before: (): Promise<void> => Promise.resolve() };
  const journal = new HitJournal({ sender: 'hits_1', store, clock, logger: recordingLogger(logged), dropped: (calls) => void (dropped += calls) });
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  };
  return { clock, logged, written, tried, journal, answers, settle, dropped: () => dropped };
}

describe('the journal of hits', () => {
  it('writes what came meanwhile in one batch, and nothing when nothing came', async () => {
    const { clock, journal, written, settle } = journalOf();
    clock.advance(1_000);
    await settle();
    journal.add(found('a'));
    journal.add(found('b'));
    expect(written).toEqual([]);
    clock.advance(250);
    await settle();
    expect(written).toEqual([['a', 'b']]);
    await journal.stop();
  });

  it('writes one batch at a time, of a bounded size', async () => {
    const { clock, journal, written, answers, settle } = journalOf();
    const gate = Promise.withResolvers<void>();
    answers.before = () => gate.promise;
    for (let call = 0; call < 501; call++) journal.add(found(String(call)));
    clock.advance(1_000);
    journal.add(found('later'));
    gate.resolve();
    await settle();
    expect(written.map((batch) => batch.length)).toEqual([500, 2]);
    expect(written.flat()).toEqual([...Array.from({ length: 501 }, (_, call) => String(call)), 'later']);
    await journal.stop();
  });

  it('keeps what could not be written, says so once, and writes it when it can', async () => {
    const { clock, journal, written, answers, settle, logged, dropped } = journalOf();
    answers.before = () => Promise.reject(new Error('away'));
    journal.add(found('a'));
    for (let turn = 0; turn < 3; turn++) {
      clock.advance(250);
      await settle();
    }
    expect([written, logged.filter((line) => line.includes('cannot be written')).length]).toEqual([[], 1]);
    answers.before = () => Promise.resolve();
    clock.advance(250);
    await settle();
    expect([written, dropped()]).toEqual([[['a']], 0]);
    expect(logged.join()).toContain('written again');
    await journal.stop();
  });

  it('tries a batch as it was, whatever came meanwhile, and gives the next one the next number', async () => {
    const { clock, journal, tried, answers, settle } = journalOf();
    answers.before = () => Promise.reject(new Error('nobody answered'));
    journal.add(found('a'));
    clock.advance(250);
    await settle();
    journal.add(found('b'));
    answers.before = () => Promise.resolve();
    clock.advance(250);
    await settle();
    expect(tried.map(({ sender, number, calls }) => [sender, number, calls.map(({ callId }) => callId)])).toEqual([['hits_1', 1n, ['a']], ['hits_1', 1n, ['a']], ['hits_1', 2n, ['b']]]);
    await journal.stop();
  });

  it('never grows without end: what is too much is dropped and counted', async () => {
    const { journal, written, dropped } = journalOf();
    for (let call = 0; call < 1_005; call++) journal.add(found(String(call), 100));
    expect(dropped()).toBe(5);
    await journal.stop();
    expect(written.flat()).toHaveLength(1_000);
  });

  it('counts what is told of rules as it counts hits', async () => {
    const { journal, dropped } = journalOf();
    const counts = Array.from({ length: 900 }, (_, rule) => ({ ruleId: `rule_${rule}`, action: 'flag' as const, count: 2 }));
    for (let call = 0; call < 102; call++) journal.add({ ...found(String(call), 100), counts });
    expect(dropped()).toBe(2);
    await journal.stop();
  });

  it('writes what waits before it ends, and counts what it could not', async () => {
    const one = journalOf();
    one.journal.add(found('a'));
    await one.journal.stop();
    expect([one.written, one.dropped()]).toEqual([[['a']], 0]);
    const other = journalOf();
    other.answers.before = () => Promise.reject(new Error('away'));
    other.journal.add(found('a'));
    await other.journal.stop();
    expect([other.written, other.dropped()]).toEqual([[], 1]);
    expect(other.logged.join()).toContain('in no statistics');
    const silent = journalOf();
    silent.answers.before = () => new Promise(() => undefined);
    silent.journal.add(found('a'));
    const stopped = silent.journal.stop();
    silent.clock.advance(4_000);
    await stopped;
    expect(silent.dropped()).toBe(1);
  });
});
