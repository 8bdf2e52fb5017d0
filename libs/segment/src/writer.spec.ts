import { createSecretKey, randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { silentLogger } from '@sluice/telemetry';
import { LEASE_MS, SegmentWriter, type SealingKeys } from './index.ts';
import { RecordedCall } from './testing/recorded-call.ts';
import { ScriptedLog } from './testing/scripted-log.ts';
import { sealing, startedWriter } from './testing/started-writer.ts';

describe('the writer', () => {
  it('appends at once when nothing is in flight, and shares the next segment otherwise', async () => {
    const { log, write, answer } = await startedWriter();
    const [a, b, c] = [new RecordedCall('a'), new RecordedCall('b'), new RecordedCall('c')];
    await write(a);
    expect(log.pending).toHaveLength(1);
    await write(b);
    await write(c, 2);
    await write(a);
    expect(log.pending).toHaveLength(1);
    expect(a.news).toEqual([]);
    await answer('acknowledged');
    expect(a.news).toEqual(['acknowledged']);
    expect(a.settled).toBe(false);
    await answer('acknowledged');
    expect(log.labels()).toEqual(['a:0', 'b:0', 'c:0', 'c:1', 'a:1']);
    expect([a, b, c].every((call) => call.settled)).toBe(true);
    expect(log.epochs.map(({ segments }) => segments.length)).toEqual([2]);
  });

  it('spaces appends by the number of open streams', async () => {
    const { clock, log, writer, write, answer } = await startedWriter();
    for (let stream = 0; stream < 50; stream++) writer.open(new RecordedCall(`idle-${stream}`));
    const call = await write(new RecordedCall('a'));
    await answer('acknowledged');
    await write(call);
    expect(log.pending).toHaveLength(0);
    clock.advance(4);
    await nextTurn();
    expect(log.pending).toHaveLength(0);
    clock.advance(0.1);
    await nextTurn();
    expect(log.pending).toHaveLength(1);
  });

  it('retries the same bytes until their fate is known', async () => {
    const { log, after, write, answer } = await startedWriter();
    const call = await write(new RecordedCall('a'));
    for (const fate of ['dropped, unknown', 'stored, unknown', 'dropped, unknown'] as const) {
      await answer(fate);
      expect(call.news).toEqual([]);
      await after(250);
      expect(log.pending).toHaveLength(1);
    }
    await answer('acknowledged');
    expect(call.news).toEqual(['acknowledged']);
    expect(log.labels()).toEqual(['a:0']);
    expect(log.faults).toEqual([]);
  });

  it('releases nothing after a pause that outlived the lease, and says so to every open call', async () => {
    const { clock, log, writer, write, answer } = await startedWriter();
    const idle = new RecordedCall('idle');
    writer.open(idle);
    const call = await write(new RecordedCall('a'));
    clock.jump(LEASE_MS);
    await answer('acknowledged');
    expect(log.labels()).toEqual(['a:0']);
    for (const told of [call, idle]) {
      expect(told.news).toEqual(['lost']);
      expect(told.error?.code).toBe('epoch_lost');
    }
    const next = await write(new RecordedCall('b'));
    await answer('acknowledged');
    expect(next.settled).toBe(true);
    expect(log.epochs).toHaveLength(2);
  });

  it('notices a pause also while nothing is in flight', async () => {
    const { clock, log, writer, after } = await startedWriter();
    const idle = new RecordedCall('idle');
    writer.open(idle);
    clock.jump(LEASE_MS + 1);
    await after(1);
    expect(idle.news).toEqual(['lost']);
    expect(log.epochs).toHaveLength(2);
  });

  it('has no place in an epoch that is over for a call that comes before it was noticed', async () => {
    const { clock, log, writer } = await startedWriter();
    const { epoch } = writer.place!;
    clock.jump(LEASE_MS);
    writer.accepting();
    expect(writer.place).toBeUndefined();
    await writer.placed();
    expect(writer.place!.epoch).toBeGreaterThan(epoch);
    expect(log.epochs).toHaveLength(2);
  });

  it('takes another epoch when the one it took is over before its first step', async () => {
    const clock = new ManualClock();
    const log = new ScriptedLog(clock);
    // The process is paused once, when it has just said that it holds its first epoch.
    const info = () => log.epochs.length === 1 && clock.jump(LEASE_MS);
    const logger = { ...silentLogger, info } as typeof silentLogger;
    const writer = new SegmentWriter({ events: log.events, clock, logger, producer: 'gateway-1', sealingKeys: () => sealing });
    const waiting = new RecordedCall('waiting');
    writer.open(waiting);
    writer.enqueue(waiting.write());
    await writer.start();
    for (let turn = 0; turn < 8; turn++) {
      clock.advance(250);
      await nextTurn();
    }
    expect([waiting.news, log.epochs.length, writer.health()]).toEqual([['lost'], 2, { status: 'ok' }]);
    const call = new RecordedCall('a');
    writer.open(call);
    writer.enqueue(call.write());
    await nextTurn();
    log.answer('acknowledged');
    await nextTurn();
    expect(call.settled).toBe(true);
  });

  it('keeps its epoch by renewing it', async () => {
    const { log, writer, after } = await startedWriter();
    const idle = new RecordedCall('idle');
    writer.open(idle);
    await after(60_000);
    expect(idle.news).toEqual([]);
    expect(log.epochs).toHaveLength(1);
    expect(writer.health()).toEqual({ status: 'ok' });
  });

  it('ends all calls when somebody closed the epoch', async () => {
    const { log, writer, write, answer } = await startedWriter();
    const idle = new RecordedCall('idle');
    writer.open(idle);
    const call = await write(new RecordedCall('a'));
    log.closeCurrent();
    await answer('acknowledged');
    expect([call.news, idle.news]).toEqual([['lost'], ['lost']]);
    expect(log.labels()).toEqual([]);
  });

  it('refuses new calls and ends running ones when the log is away for 5 s; text under way leaves if it was acknowledged after all', async () => {
    const { log, writer, after, write, answer } = await startedWriter();
    const [idle, waiting] = [new RecordedCall('idle'), new RecordedCall('waiting')];
    writer.open(idle);
    const flying = await write(new RecordedCall('a'));
    await write(waiting);
    await after(4_750);
    expect(() => writer.accepting()).not.toThrow();
    expect(writer.health().status).toBe('degraded');
    await after(500);
    expect(() => writer.accepting()).toThrow(expect.objectContaining({ code: 'audit_log_unavailable', retryAfterSeconds: 5 }));
    expect(writer.health().status).toBe('down');
    expect([idle.news, waiting.news, flying.news]).toEqual([['lost'], ['lost'], []]);
    await answer('acknowledged');
    expect(flying.news).toEqual(['acknowledged', 'lost']);
    expect(log.epochs).toHaveLength(2);
    expect(() => writer.accepting()).not.toThrow();
  });

  it('ends text under way when the lease is over before its fate is known', async () => {
    const { log, writer, after, write, answer } = await startedWriter();
    const flying = await write(new RecordedCall('a'));
    log.reach = 'down';
    await after(LEASE_MS + 500);
    expect(flying.news).toEqual(['lost']);
    await answer('acknowledged');
    expect(flying.news).toEqual(['lost']);
    log.reach = 'up';
    await after(2_000);
    expect(() => writer.accepting()).not.toThrow();
  });

  it('lets no call that slipped in while the log is away wait for ever', async () => {
    const { log, writer, after, write } = await startedWriter();
    log.reach = 'silent';
    await after(LEASE_MS + 5_000);
    expect(() => writer.accepting()).toThrow(ServiceError);
    const late = await write(new RecordedCall('late'));
    await after(250);
    expect(late.error?.code).toBe('audit_log_unavailable');
    log.reach = 'up';
    await after(LEASE_MS + 1_000);
    expect(() => writer.accepting()).not.toThrow();
  });

  it('stops accepting when the disk is full and recovers by itself when there is room', async () => {
    const { log, writer, after, write, answer } = await startedWriter();
    const call = await write(new RecordedCall('a'));
    await answer('disk full');
    expect(() => writer.accepting()).toThrow(expect.objectContaining({ code: 'disk_full' }));
    await after(900);
    expect(log.pending).toHaveLength(0);
    await after(250);
    await answer('acknowledged');
    expect(call.settled).toBe(true);
    expect(() => writer.accepting()).not.toThrow();
  });

  it('accepts nothing while the log knows that it has no room, from the start on: no call waits to find out', async () => {
    const { log, writer, write, answer } = await startedWriter();
    log.isFull = true;
    expect(() => writer.accepting()).toThrow(expect.objectContaining({ code: 'disk_full', retryAfterSeconds: 5 }));
    expect(writer.health()).toMatchObject({ status: 'down', detail: 'the event log has no room on its disk' });
    log.isFull = false;
    expect(() => writer.accepting()).not.toThrow();
    const call = await write(new RecordedCall('a'));
    await answer('acknowledged');
    expect([call.settled, writer.health()]).toEqual([true, { status: 'ok' }]);
  });

  it.each(['before', 'after'])('stops without waiting for room on a disk that is found full %s it is asked to', async (when) => {
    const { writer, write, answer } = await startedWriter();
    const call = await write(new RecordedCall('a'));
    if (when === 'before') await answer('disk full');
    const stopping = writer.stop();
    if (when === 'after') await answer('disk full');
    await stopping;
    expect(call.news).toEqual(['lost']);
  });

  it('asks with empty segments whether a full disk has room again, when no call is left that could', async () => {
    const { log, writer, after, write, answer } = await startedWriter();
    const call = await write(new RecordedCall('a'));
    for (let second = 0; second < 30; second++) {
      await answer('disk full');
      await after(1_000);
    }
    expect(call.error?.code).toBe('disk_full');
    expect(() => writer.accepting()).toThrow(expect.objectContaining({ code: 'disk_full' }));
    for (let second = 0; second < 20; second++) {
      await answer('acknowledged');
      await after(1_000);
    }
    expect(() => writer.accepting()).not.toThrow();
    expect(log.faults).toEqual([]);
  });

  it('acknowledges a large body only when all of its fragments are durable, and lets others in between', async () => {
    const { log, write, answer } = await startedWriter();
    const large = await write(new RecordedCall('large', { bodyBytes: 900_000 }));
    const small = await write(new RecordedCall('small'));
    await answer('acknowledged');
    await answer('acknowledged');
    expect([large.news, small.news]).toEqual([[], ['acknowledged']]);
    for (let more = 0; more < 10 && !large.settled; more++) await answer('acknowledged');
    expect(large.news).toEqual(['acknowledged']);
    expect(log.labels()).toEqual(['small:0', 'large:0']);
  });

  it('asks a call again that had something new while fragments of it were left', async () => {
    const { log, write, answer } = await startedWriter();
    const call = await write(new RecordedCall('large', { bodyBytes: 400_000 }));
    await write(call);
    for (let more = 0; more < 8; more++) await answer('acknowledged');
    expect([call.settled, log.labels()]).toEqual([true, ['large:0', 'large:1']]);
  });

  it('asks a call again that had something new while it was asked', async () => {
    const { log, writer, write, answer } = await startedWriter();
    const call = new RecordedCall('a');
    const take = call.take.bind(call);
    call.take = () => {
      const records = take();
      if (records[0]?.callId && call.taken.length < 3) writer.enqueue(call.write());
      return records;
    };
    await write(call);
    for (let more = 0; more < 3; more++) await answer('acknowledged');
    expect([call.settled, log.labels()]).toEqual([true, ['a:0', 'a:1', 'a:2']]);
  });

  it('loses only the call whose key is unknown', async () => {
    const keys: SealingKeys = (project) => {
      if (project === 'unknown') throw new ServiceError('access_unavailable', 'The project is not known.');
      return sealing;
    };
    const { write, answer } = await startedWriter(keys);
    const bad = await write(new RecordedCall('bad', { projectId: 'unknown' }));
    const good = await write(new RecordedCall('good'));
    await answer('acknowledged');
    expect(bad.error?.code).toBe('access_unavailable');
    expect(good.news).toEqual(['acknowledged']);
  });

  it('loses only the calls of a segment that cannot be built, and leaves no gap in the numbers', async () => {
    // A key of a length that no cipher takes: it is found, and fails when the block is sealed.
    const unusable = { id: 'broken', key: createSecretKey(randomBytes(5)) };
    const { log, writer, write, answer } = await startedWriter((project) => (project === 'broken' ? unusable : sealing));
    const first = await write(new RecordedCall('first'));
    await answer('acknowledged');
    const bad = await write(new RecordedCall('bad', { projectId: 'broken', bodyBytes: 900_000 }));
    expect(bad.error?.code).toBe('internal');
    expect(log.pending).toHaveLength(0);
    const idle = new RecordedCall('idle');
    writer.open(idle);
    const good = await write(new RecordedCall('good'));
    await answer('acknowledged');
    expect([first.settled, good.settled, idle.news]).toEqual([true, true, []]);
    expect(log.labels()).toEqual(['first:0', 'good:0']);
    expect(log.epochs.map(({ segments }) => segments.map(({ seq }) => seq))).toEqual([[0n, 1n]]);
    expect(log.faults).toEqual([]);
  });

  it('stops at once behind a segment that could not be built', async () => {
    const unusable = { id: 'broken', key: createSecretKey(randomBytes(5)) };
    const { log, writer } = await startedWriter(() => unusable);
    const bad = new RecordedCall('bad');
    writer.open(bad);
    writer.enqueue(bad.write());
    await writer.stop();
    expect([bad.error?.code, log.epochs[0]!.closed]).toEqual(['internal', true]);
  });

  it('goes on when a call fails while it is told', async () => {
    const { write, answer } = await startedWriter();
    await write(new RecordedCall('first'));
    const faulty = await write(new RecordedCall('faulty', { onAcknowledged: () => { throw new Error('a fault of the call'); } }));
    const good = await write(new RecordedCall('good'));
    await answer('acknowledged');
    await answer('acknowledged');
    expect([faulty.news, good.news]).toEqual([['acknowledged'], ['acknowledged']]);
  });

  it('drains before it stops, closes its epoch and takes nothing more', async () => {
    const { log, writer, write, answer } = await startedWriter();
    const [first, second] = [await write(new RecordedCall('a')), await write(new RecordedCall('b'))];
    const stopped = writer.stop();
    expect(() => writer.accepting()).toThrow(expect.objectContaining({ code: 'draining' }));
    await answer('acknowledged');
    await answer('acknowledged');
    await stopped;
    expect([first.settled, second.settled, log.epochs[0]!.closed]).toEqual([true, true, true]);
    const late = await write(new RecordedCall('late'));
    expect(late.error?.code).toBe('draining');
  });

  it('stops in bounded time when the log never answers', async () => {
    const { writer, after, write } = await startedWriter();
    const call = await write(new RecordedCall('a'));
    const stopped = writer.stop();
    await after(5_250);
    await stopped;
    expect(call.news.at(-1)).toBe('lost');
  });

  it('waits for the end of its epoch no longer than for what is under way', async () => {
    const { log, writer, after, write, answer } = await startedWriter();
    await write(new RecordedCall('a'));
    const stopped = writer.stop();
    await after(3_000);
    log.reach = 'silent';
    await answer('acknowledged');
    await after(2_250);
    await stopped;
    expect(log.labels()).toEqual(['a:0']);
  });
});
