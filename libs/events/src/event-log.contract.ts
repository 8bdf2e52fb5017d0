import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import { AdminActedSchema, CallAbandonedSchema, CallAdmittedSchema, ProducerBeatSchema } from '@sluice/proto/events/v1/calls';
import { AccessChangedSchema } from '@sluice/proto/events/v1/changes';
import type { SqlPool } from '@sluice/sql';
import { checkFencing, checkFormerProcess } from './fencing.contract.ts';
import { checkPruning } from './pruning.contract.ts';
import type { DeadLetters, EventLog, EventRecord, SegmentEntry, Subscription } from './event-log.ts';

export type ContractLog = EventLog & DeadLetters & { stop(): Promise<void>; health(): { readonly status: string; readonly detail?: string } };

/** What an adapter brings to the suite. */
export interface EventLogUnderTest {
  /** A process's view of the log; called several times, for several processes. */
  open(): Promise<ContractLog>;
  /** What the processes wrote into their logs as errors. */
  readonly errors: readonly Readonly<Record<string, unknown>>[];
  /** The database of effects, schema `shop`. */
  readonly sql: SqlPool;
  close(): Promise<void>;
}

const LONG_MS = 240_000;
/** The log's clock and this process's measure the same time, but not to the millisecond. */
const CLOCKS_DIFFER_MS = 10;
const act = (id: string) => create(AdminActedSchema, { id, organisationId: 'org' });
const codeOf = (work: Promise<unknown>): Promise<string> => work.then(() => 'done', (thrown: unknown) => ServiceError.from(thrown).code);
const POLLS = 200;
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** What every adapter of the event log promises. */
export function eventLogContract(adapter: string, setUp: () => Promise<EventLogUnderTest>): void {
  describe(`event log: ${adapter}`, () => {
    let world: EventLogUnderTest;
    let log: ContractLog;
    let other: ContractLog;
    let names = 0;
    /** A consumer and a producer that no other test uses. */
    let consumer: string;
    let producer: string;

    beforeAll(async () => {
      world = await setUp();
      [log, other] = [await world.open(), await world.open()];
      await world.sql.query('CREATE SCHEMA IF NOT EXISTS shop');
      await world.sql.query('CREATE TABLE effect (n bigserial PRIMARY KEY, consumer text NOT NULL, what text NOT NULL)');
    }, LONG_MS);
    beforeEach(() => {
      consumer = `shop.c${++names}`;
      producer = `p${names}`;
    });
    afterAll(async () => {
      await Promise.all([log.stop(), other.stop()]);
      await world.close();
    });

    const publish = (from: ContractLog, id: string, key = 'org'): Promise<void> => world.sql.transaction((transaction) => from.publish(transaction, AdminActedSchema, key, act(id)));
    const effects = async (): Promise<string[]> => (await world.sql.query<{ what: string }>('SELECT what FROM effect WHERE consumer = $1 ORDER BY n', [consumer])).map(({ what }) => what);
    const head = (): Promise<bigint> => world.sql.transaction((transaction) => log.position(transaction, AdminActedSchema));
    const using = async (subscription: Subscription, work: (subscription: Subscription) => Promise<void>): Promise<void> => {
      try {
        await work(subscription);
      } finally {
        await subscription.stop();
      }
    };
    /** A consumer that begins behind everything that other tests have published. */
    const note = (from: ContractLog, after: bigint, faulty: (id: string) => void = () => undefined): Subscription =>
      from.subscribe(AdminActedSchema, consumer, async (transaction, { position, message }) => {
        if (position <= after) return;
        await transaction.query('INSERT INTO effect (consumer, what) VALUES ($1, $2)', [consumer, message.id]);
        faulty(message.id);
      });

    describe('publish and subscribe', () => {
      it('hands over what was committed and nothing of what was rolled back, with key and position', async () => {
        const before = await head();
        const seen: EventRecord<typeof AdminActedSchema>[] = [];
        await using(log.subscribe(AdminActedSchema, consumer, async (_transaction, record) => { if (record.position > before) seen.push(record); }), async (subscription) => {
          await publish(log, 'kept', 'org-1');
          await expect(world.sql.transaction(async (transaction) => {
            await log.publish(transaction, AdminActedSchema, 'org-1', act('undone'));
            throw new Error('rolled back');
          })).rejects.toThrow('rolled back');
          await publish(other, 'kept too', 'org-2');
          await subscription.caughtUp();
        });
        expect(seen.map(({ position, key, message }) => [position - before, key, message.id])).toEqual([[1n, 'org-1', 'kept'], [2n, 'org-2', 'kept too']]);
        expect(await head()).toBe(before + 2n);
      });

      it('says 0 for a topic without records, and refuses a message without a topic', async () => {
        expect(await world.sql.transaction((transaction) => log.position(transaction, CallAbandonedSchema))).toBe(0n);
        await expect(log.beat(CallAdmittedSchema)).rejects.toThrow('declares no topic');
        expect(() => log.subscribe(AdminActedSchema, 'No Schema', async () => undefined)).toThrow('schema name');
      });

      it('skips nothing of publishers that run at the same time, and gives positions in the order of commits', async () => {
        const before = await head();
        const committed: string[] = [];
        const positions: bigint[] = [];
        await using(log.subscribe(AdminActedSchema, consumer, async (transaction, { position, message }) => {
          if (position <= before) return;
          positions.push(position - before);
          await transaction.query('INSERT INTO effect (consumer, what) VALUES ($1, $2)', [consumer, message.id]);
        }), async (subscription) => {
          await Promise.all(Array.from({ length: 6 }, async (_, writer) => {
            for (let n = 0; n < 25; n++) {
              await world.sql.transaction(async (transaction) => {
                await (writer % 2 ? log : other).publish(transaction, AdminActedSchema, 'org', act(`${writer}.${n}`));
                const [row] = await transaction.query<{ slow: number }>('SELECT pg_sleep(random() * 0.004), 1 AS slow');
                if (row) committed.push(`${writer}.${n}`);
              });
            }
          }));
          await subscription.caughtUp();
          expect(subscription.lag()).toBe(0);
        });
        expect(positions).toEqual(Array.from({ length: 150 }, (_, n) => BigInt(n + 1)));
        expect(await effects()).toEqual(committed);
      }, LONG_MS);

      it('commits effect and cursor together: a handler that throws after its effect has it once in the end', async () => {
        const before = await head();
        let faults = 0;
        await using(note(log, before, (id) => { if (id === 'b' && faults++ < 3) throw new Error('after the effect'); }), async (subscription) => {
          for (const id of ['a', 'b', 'c']) await publish(log, id);
          await subscription.caughtUp();
        });
        expect(faults).toBe(4);
        expect(await effects()).toEqual(['a', 'b', 'c']);
        expect(await log.deadLetters(AdminActedSchema, consumer)).toEqual([]);
      });

      it('goes on where it was, in another process, and does nothing twice with two processes at it', async () => {
        const before = await head();
        await publish(log, 'first');
        await using(note(log, before), (subscription) => subscription.caughtUp());
        await Promise.all(Array.from({ length: 30 }, (_, n) => publish(other, `more ${n}`)));
        await using(note(other, before), (one) => using(note(log, before), async (two) => { await Promise.all([one.caughtUp(), two.caughtUp()]); }));
        const all = await effects();
        expect(all[0]).toBe('first');
        expect(new Set(all).size).toBe(31);
        expect(all).toHaveLength(31);
      });

      it('moves a record that keeps failing to the dead letters, goes on, and replays it', async () => {
        const before = await head();
        let healed = false;
        await using(note(log, before, (id) => { if (id === 'bad' && !healed) throw new ServiceError('failed_precondition', 'not yet'); }), async (subscription) => {
          for (const id of ['x', 'bad', 'y']) await publish(log, id, `key of ${id}`);
          await subscription.caughtUp();
          expect(await effects()).toEqual(['x', 'y']);
          const [letter, ...rest] = await log.deadLetters(AdminActedSchema, consumer);
          expect(rest).toEqual([]);
          expect(letter).toMatchObject({ position: before + 2n, key: 'key of bad', code: 'failed_precondition', attempts: 8 });
          expect(world.errors).toContainEqual({ reader: `${consumer} < admin.acted`, position: before + 2n, attempts: 8, code: 'failed_precondition' });
          expect(log.health()).toMatchObject({ status: 'degraded', detail: expect.stringContaining(`${consumer} could not handle 1 records of admin.acted`) });
          expect(await log.replayDeadLetters(AdminActedSchema, consumer)).toBe(1);
          await subscription.caughtUp();
          expect(await log.deadLetters(AdminActedSchema, consumer)).toMatchObject([{ attempts: 9 }]);
          healed = true;
          expect(await log.replayDeadLetters(AdminActedSchema, consumer)).toBe(1);
          await subscription.caughtUp();
        });
        expect(await effects()).toEqual(['x', 'y', 'bad']);
        expect(await log.deadLetters(AdminActedSchema, consumer)).toEqual([]);
        expect(log.health()).toEqual({ status: 'ok' });
      }, LONG_MS);

      it('still says after a restart that there are dead letters', async () => {
        const before = await head();
        const faulty = (): never => { throw new ServiceError('failed_precondition', 'never'); };
        await publish(log, 'bad');
        await using(note(log, before, faulty), (subscription) => subscription.caughtUp());
        await using(note(other, before, faulty), async (subscription) => {
          await subscription.caughtUp();
          expect(other.health().status).toBe('degraded');
        });
      }, LONG_MS);

      it('holds everything up behind a record that may not be skipped, says so, and goes on when it can be handled', async () => {
        const before = await head();
        const healed = Promise.withResolvers<void>();
        let [attempts, works] = [0, false];
        const subscription = log.subscribe(AdminActedSchema, consumer, async (transaction, { position, message }) => {
          if (position <= before) return;
          if (message.id === 'bad' && !works) {
            // Behind the ninth failure it has failed more often than what becomes a dead letter.
            if (attempts++ === 9) healed.resolve();
            throw new ServiceError('failed_precondition', 'not yet');
          }
          await transaction.query('INSERT INTO effect (consumer, what) VALUES ($1, $2)', [consumer, message.id]);
        }, { neverSkips: true });
        await using(subscription, async () => {
          for (const id of ['x', 'bad', 'y']) await publish(log, id);
          await healed.promise;
          expect(await effects()).toEqual(['x']);
          expect(await log.deadLetters(AdminActedSchema, consumer)).toEqual([]);
          expect(log.health()).toMatchObject({ status: 'degraded', detail: expect.stringContaining('everything behind it waits') });
          expect(world.errors.filter(({ reader }) => reader === `${consumer} < admin.acted`)).toHaveLength(1);
          works = true;
          await subscription.caughtUp();
          expect(log.health()).toEqual({ status: 'ok' });
        });
        expect(await effects()).toEqual(['x', 'bad', 'y']);
      }, LONG_MS);

      it('ends a wait with the subscription', async () => {
        const before = await head();
        let entered = (): void => undefined;
        const running = new Promise<void>((resolve) => { entered = resolve; });
        let finish = (): void => undefined;
        const gate = new Promise<void>((resolve) => { finish = resolve; });
        const subscription = log.subscribe(AdminActedSchema, consumer, async (_transaction, { position }) => {
          if (position <= before) return;
          entered();
          await gate;
          throw new Error('stopped in the middle');
        });
        await publish(log, 'slow');
        const wait = codeOf(subscription.caughtUp());
        await running;
        const stopped = subscription.stop();
        finish();
        await stopped;
        expect(await wait).toBe('cancelled');
      });
    });

    describe('follow', () => {
      it('gives every record behind a position in order, and beats behind the records that they speak of', async () => {
        const topic = AccessChangedSchema;
        const position = (): Promise<bigint> => world.sql.transaction((transaction) => log.position(transaction, topic));
        const change = (id: string): Promise<void> => world.sql.transaction((transaction) => log.publish(transaction, topic, id, create(topic, { organisationId: id })));
        await change('before');
        const start = await position();
        const seen: string[] = [];
        let last = start;
        let beaten = Promise.withResolvers<void>();
        const subscription = other.follow(topic, start, {
          onRecord: (record) => { seen.push(record.message.organisationId); last = record.position; },
          onBeat: (headPosition) => {
            expect(headPosition).toBeLessThanOrEqual(last);
            seen.push(`beat ${headPosition - start}`);
            beaten.resolve();
          },
        });
        const beat = async (): Promise<void> => {
          beaten = Promise.withResolvers<void>();
          await log.beat(topic);
          await beaten.promise;
        };
        await subscription.caughtUp();
        await beat();
        await change('one');
        await change('two');
        await beat();
        await subscription.stop();
        await log.beat(topic);
        expect(seen).toEqual(['beat 0', 'one', 'two', 'beat 2']);
      });

      it('beats a topic that has no records', async () => {
        const beaten = Promise.withResolvers<bigint>();
        const subscription = other.follow(ProducerBeatSchema, 0n, { onRecord: () => undefined, onBeat: beaten.resolve });
        await subscription.caughtUp();
        await log.beat(ProducerBeatSchema);
        expect(await beaten.promise).toBe(0n);
        await subscription.stop();
      });
    });

    describe('segments', () => {
      const append = (to: ContractLog, epoch: bigint, seq: bigint, content: string): Promise<void> => to.appendSegment({ producer, epoch, seq, bytes: Buffer.from(content) });
      const show = (entry: SegmentEntry): string => entry.kind === 'closed' ? `${entry.epoch} closed` : `${entry.segment.epoch}.${entry.segment.seq} ${entry.kind === 'late' ? 'late ' : ''}${text(entry.segment.bytes)}`;
      const mine = (entries: readonly SegmentEntry[]): SegmentEntry[] => entries.filter((entry) => (entry.kind === 'closed' ? entry.producer : entry.segment.producer) === producer);
      /** At once, or as soon as the news is there. */
      const hearsThatItIsOver = async (who: ContractLog, epoch: bigint): Promise<void> => {
        for (let poll = 0; poll < POLLS; poll++) {
          if ((await codeOf(who.renewEpoch(producer, epoch))) === 'epoch_lost') return;
          await world.sql.query('SELECT pg_sleep(0.01)');
        }
        throw new Error('it does not hear that its epoch is over');
      };
      const collect = async (from: ContractLog): Promise<string[]> => {
        const seen: string[] = [];
        await using(from.subscribeSegments(consumer, async (_transaction, entries) => { seen.push(...mine(entries).map(show)); }), (subscription) => subscription.caughtUp());
        return seen;
      };

      it('keeps one place for each identity: the same bytes again succeed, others do not, nor does a gap', async () => {
        const epoch = await log.takeEpoch(producer);
        await append(log, epoch, 0n, 'a');
        await append(other, epoch, 0n, 'a');
        expect(await codeOf(append(log, epoch, 0n, 'b'))).toBe('internal');
        expect(await codeOf(append(log, epoch, 2n, 'c'))).toBe('internal');
        await append(log, epoch, 1n, '');
        expect(await collect(log)).toEqual([`${epoch}.0 a`, `${epoch}.1 `]);
      });

      it('gives each epoch once, above those before it, and closes the one before behind its last segment', async () => {
        const first = await log.takeEpoch(producer);
        await append(log, first, 0n, 'a');
        const second = await other.takeEpoch(producer);
        expect(second).toBeGreaterThan(first);
        await hearsThatItIsOver(log, first);
        expect(await codeOf(append(log, first, 1n, 'b'))).toBe('epoch_lost');
        expect(await codeOf(append(log, first, 0n, 'a'))).toBe('epoch_lost');
        expect(await log.closeEpoch(producer, first)).toBe(false);
        await log.renewEpoch(producer, second);
        await append(other, second, 0n, 'c');
        expect(await log.closeEpoch(producer, second)).toBe(true);
        expect(await log.closeEpoch(producer, second)).toBe(false);
        expect(await codeOf(log.renewEpoch(producer, second))).toBe('epoch_lost');
        expect(await log.takeEpoch(producer)).toBeGreaterThan(second);
        expect(await collect(other)).toEqual([`${first}.0 a`, `${first} closed`, `${second}.0 c`, `${second} closed`]);
        const neverTaken = await codeOf(append(log, 10_000_000n, 0n, 'never taken'));
        expect([['epoch_lost'], ['done', '10000000.0 late never taken']]).toContainEqual([neverTaken, ...(await collect(other))]);
      });

      it('counts what was acknowledged before anybody closed its epoch, whatever a former process of its name still sends', async () => checkFormerProcess(producer, log, await world.open()));

      it('closes an epoch once, with the number of its segments and the epoch before it', async () => {
        const first = await log.takeEpoch(producer);
        await append(log, first, 0n, 'a');
        await append(log, first, 1n, 'b');
        await other.closeEpoch(producer, first);
        const second = await other.takeEpoch(producer);
        await log.closeEpoch(producer, second);
        const closes: SegmentEntry[] = [];
        await using(log.subscribeSegments(consumer, async (_transaction, entries) => { closes.push(...mine(entries).filter(({ kind }) => kind === 'closed')); }), (subscription) => subscription.caughtUp());
        expect(closes).toMatchObject([{ epoch: first, seq: 2n }, { epoch: second, seq: 0n }]);
        const preceding = closes.map((entry) => (entry.kind === 'closed' ? (entry.preceding ?? entry.epoch - 1n) : undefined));
        expect(preceding).toEqual([0n, first]);
      });

      it('knows the open epochs and how long they were silent', async () => {
        const open = async (): Promise<readonly [bigint, number] | undefined> => (await other.openEpochs()).filter((row) => row.producer === producer).map((row) => [row.epoch, row.silentMs] as const)[0];
        expect(await open()).toBeUndefined();
        const begunMs = performance.now();
        const epoch = await log.takeEpoch(producer);
        expect((await open())?.[0]).toBe(epoch);
        await world.sql.query('SELECT pg_sleep(0.05)');
        const [taken, silentMs] = (await open())!;
        expect(taken).toBe(epoch);
        expect(silentMs).toBeGreaterThanOrEqual(50 - CLOCKS_DIFFER_MS);
        expect(silentMs).toBeLessThanOrEqual(performance.now() - begunMs + CLOCKS_DIFFER_MS);
        const renewedMs = performance.now();
        await log.renewEpoch(producer, epoch);
        const [, renewedSilentMs] = (await open())!;
        expect(renewedSilentMs).toBeLessThanOrEqual(performance.now() - renewedMs + CLOCKS_DIFFER_MS);
        await log.closeEpoch(producer, epoch);
        expect(await open()).toBeUndefined();
      });

      it('hands over each entry once although its handler failed after the effect, and to each consumer', async () => {
        const epoch = await log.takeEpoch(producer);
        for (let seq = 0n; seq < 5n; seq++) await append(log, epoch, seq, `s${seq}`);
        await log.closeEpoch(producer, epoch);
        let faults = 0;
        await using(log.subscribeSegments(consumer, async (transaction, entries) => {
          for (const entry of mine(entries)) await transaction.query('INSERT INTO effect (consumer, what) VALUES ($1, $2)', [consumer, show(entry)]);
          if (faults++ < 2) throw new Error('after the effect');
        }), (subscription) => subscription.caughtUp());
        const expected = [0, 1, 2, 3, 4].map((seq) => `${epoch}.${seq} s${seq}`).concat(`${epoch} closed`);
        expect(await effects()).toEqual(expected);
        expect(await collect(other)).toEqual([]);
        consumer = `${consumer}b`;
        expect(await collect(other)).toEqual(expected);
      });

      it('bounds a batch, and hands all of every producer over in its order', async () => {
        const names = ['a', 'b', 'c'].map((suffix) => `${producer}${suffix}`);
        await collect(log);
        for (const name of names) {
          const epoch = await log.takeEpoch(name);
          for (let seq = 0n; seq < 8n; seq++) await log.appendSegment({ producer: name, epoch, seq, bytes: Buffer.alloc(400 * 1024, Number(seq)) });
        }
        const sizes: number[] = [];
        const order: string[] = [];
        await using(log.subscribeSegments(consumer, async (_transaction, entries) => {
          const segments = entries.flatMap((entry) => entry.kind === 'segment' && names.includes(entry.segment.producer) ? [entry.segment] : []);
          sizes.push(segments.reduce((sum, { bytes }) => sum + bytes.length, 0));
          order.push(...segments.map(({ producer: name, seq }) => `${name}.${seq}`));
        }), (subscription) => subscription.caughtUp());
        expect(Math.max(...sizes)).toBeLessThanOrEqual(4 * 1024 * 1024);
        expect(new Set(order).size).toBe(24);
        for (const name of names) expect(order.filter((entry) => entry.startsWith(name))).toEqual(Array.from({ length: 8 }, (_, seq) => `${name}.${seq}`));
        expect(await codeOf(append(log, 1n, 0n, 'x'.repeat(600_000)))).toBe('internal');
      }, LONG_MS);

      it('acknowledges nothing behind a close, and delivers in the order of acknowledgements, whatever two processes do', () => checkFencing(producer, [log, other]), LONG_MS);
    });

    it('prunes only what is past its retention and was read by every consumer', () => checkPruning(setUp));
  });
}
