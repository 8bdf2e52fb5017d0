import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { expect, it } from '@jest/globals';
import type { ManualClock } from '@sluice/clock';
import { ServiceError, type Code } from '@sluice/errors';
import type { EventLog, EventRecord } from '@sluice/events';
import { Health } from '@sluice/lifecycle';
import { silentLogger } from '@sluice/telemetry';
import fc from 'fast-check';
import { setTimeout as pause } from 'node:timers/promises';
import { Replica, STALE_AFTER_MS } from './replica.ts';

/** A running owner of a topic, and how a reader of its README keeps a copy. */
export interface OwnerUnderTest<S extends { readonly position: bigint }, M extends DescMessage, Step> {
  readonly events: EventLog;
  readonly clock: ManualClock;
  readonly schema: M;
  snapshot(): Promise<S>;
  take(step: Step): Promise<unknown>;
  /** Starts another process of the owner on the same tables, with these parts in place of its own. */
  start(parts: { readonly events: EventLog; readonly health: Health }): Promise<unknown>;
  /** The content of a copy that began with a snapshot and heard what followed. */
  replay(from: S, heard: readonly MessageShape<M>[]): unknown;
  contentOf(snapshot: S): unknown;
}

export interface OwnerSteps<Step> {
  /** What administrators do, refusals included. */
  readonly step: fc.Arbitrary<Step>;
  /** Refusals that are part of life: a name that is taken, an actor who was just revoked. */
  readonly refusals: readonly Code[];
  readonly runs: number;
}

/** What every owner of a topic owes its replicas; run by each owner's spec on the real service and the real event log. */
export function ownerContract<S extends { readonly position: bigint }, M extends DescMessage, Step>(
  at: () => OwnerUnderTest<S, M, Step>, { step, refusals, runs }: OwnerSteps<Step>,
): void {
  const takeOrBeRefused = (one: Step): Promise<unknown> =>
    at().take(one).catch((thrown: unknown) => {
      if (!(thrown instanceof ServiceError) || !refusals.includes(thrown.code)) throw thrown;
    });

  it('any moment\'s snapshot is what a copy holds: fed by the events up to it, and from it by the events behind it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 10 }), fc.array(step, { minLength: 1, maxLength: 8 }), async (before, during) => {
        const owner = at();
        const first = await owner.snapshot();
        const records: EventRecord<M>[] = [];
        const reader = owner.events.follow(owner.schema, first.position, { onRecord: (record) => void records.push(record), onBeat: () => undefined });
        for (const one of before) await takeOrBeRefused(one);
        // The snapshots race with acts that run side by side.
        const acts = during.map(takeOrBeRefused);
        const middle = [await owner.snapshot(), await owner.snapshot()] as const;
        await Promise.all(acts);
        await reader.caughtUp();
        await reader.stop();
        const last = await owner.snapshot();
        for (const [from, to] of [[first, middle[0]], [middle[0], middle[1]], [middle[1], last], [first, last]] as const) {
          const heard = records.filter(({ position }) => position > from.position && position <= to.position).map(({ message }) => message);
          expect(await owner.replay(from, heard)).toEqual(owner.contentOf(to));
        }
      }),
      { numRuns: runs },
    );
  }, 120_000);

  it('copies that fall behind keep what they have, say how old it is, and are the owner\'s state again as soon as they hear of it', async () => {
    const owner = at();
    const cut = { deaf: false };
    const [well, deaf, lossy] = [copyOf(owner, () => true), copyOf(owner, () => !cut.deaf), copyOf(owner, (position) => position === undefined || position % 2n === 0n)];
    const copies = [well, deaf, lossy];
    for (const { start } of copies) start();
    await Promise.all(copies.map(({ ready }) => ready()));
    const before = owner.contentOf(await owner.snapshot());
    cut.deaf = true;
    for (const one of fc.sample(step, STEPS)) await takeOrBeRefused(one);
    const { position } = await owner.snapshot();
    const isCurrent = ({ replica }: (typeof copies)[number]) => replica.position === position && replica.health().status === 'ok';
    await until(owner.clock, () => isCurrent(well) && isCurrent(lossy) && deaf.replica.ageMs() > STALE_AFTER_MS);
    expect(deaf.replica.health()).toMatchObject({ status: 'degraded', detail: expect.stringMatching(/\d+ ms old/) });
    expect(await deaf.content()).toEqual(before);
    cut.deaf = false;
    await until(owner.clock, () => copies.every(isCurrent));
    const after = owner.contentOf(await owner.snapshot());
    for (const { content } of copies) expect(await content()).toEqual(after);
    await Promise.all(copies.map(({ replica }) => replica.stop()));
  }, 120_000);

  it('a copy that waits for its owner\'s answer has what is published meanwhile, and still has it when the old answer comes', async () => {
    const owner = at();
    const answer = { given: Promise.resolve(), askedFor: 0 };
    const copy = copyOf(owner, () => true, async () => {
      answer.askedFor++;
      await answer.given;
    });
    copy.start();
    await copy.ready();
    const { promise, resolve: giveAnswer } = Promise.withResolvers<void>();
    answer.given = promise;
    let isRefreshed = false;
    const refreshed = copy.replica.refresh().then(() => (isRefreshed = true));
    await until(owner.clock, () => answer.askedFor > 1);
    const { position: before } = await owner.snapshot();
    let { position } = await owner.snapshot();
    // Steps may be refused, but not for ever.
    for (let tries = 0; tries < STEPS && position === before; tries++) {
      for (const one of fc.sample(step, STEPS)) await takeOrBeRefused(one);
      ({ position } = await owner.snapshot());
    }
    expect(position).toBeGreaterThan(before);
    await until(owner.clock, () => copy.replica.position === position && copy.replica.health().status === 'ok');
    const after = owner.contentOf(await owner.snapshot());
    expect([isRefreshed, await copy.content()]).toEqual([false, after]);
    giveAnswer();
    await until(owner.clock, () => isRefreshed);
    await refreshed;
    expect([copy.replica.position, await copy.content()]).toEqual([position, after]);
    await copy.replica.stop();
  }, 120_000);

  it('an owner whose log takes no beat says so in its health until it does again', async () => {
    const owner = at();
    const health = new Health();
    let isAway = true;
    const beat: EventLog['beat'] = (schema) => (isAway ? Promise.reject(new Error('away')) : owner.events.beat(schema));
    await owner.start({ health, events: { ...owner.events, beat } });
    expect(health.report().status).toBe('ok');
    await until(owner.clock, () => health.report().status === 'degraded');
    isAway = false;
    await until(owner.clock, () => health.report().status === 'ok');
  }, 240_000);

  it('a copy hears a sign of life with the head of the topic before it counts as stale', async () => {
    const { clock, events, schema, snapshot } = at();
    const { position } = await snapshot();
    const head = Promise.withResolvers<bigint>();
    const reader = events.follow(schema, position, { onRecord: () => undefined, onBeat: head.resolve });
    await reader.caughtUp();
    clock.advance(STALE_AFTER_MS);
    expect(await head.promise).toBe(position);
    await reader.stop();
  });
}

/** Acts that a copy sleeps through. */
const STEPS = 10;
const LIMIT_MS = 30_000;

/**
 * Lets the house's time pass, a quarter of a second at a time, until something holds. Real time is left for the log to
 * carry what each quarter started, more each time, so that a slow machine gets through too.
 */
async function until(clock: ManualClock, holds: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + LIMIT_MS;
  for (let patienceMs = 20; performance.now() < deadlineMs; patienceMs = Math.min(2 * patienceMs, 2_000)) {
    clock.advance(STALE_AFTER_MS / 4);
    for (const untilMs = performance.now() + patienceMs; performance.now() < untilMs; await pause(10)) if (holds()) return;
  }
  throw new Error(`did not happen within ${LIMIT_MS} ms`);
}

/**
 * A real replica of the owner; `hears` is asked for each record by its position, and for beats and reads of the owner
 * without one. The owner's answer, once made, arrives behind `arrival`.
 */
function copyOf<S extends { readonly position: bigint }, M extends DescMessage, Step>(owner: OwnerUnderTest<S, M, Step>, hears: (position?: bigint) => boolean, arrival = async (): Promise<void> => undefined) {
  interface Copy {
    readonly from: S;
    readonly heard: readonly MessageShape<M>[];
  }
  const follow: EventLog['follow'] = (schema, after, follower) =>
    owner.events.follow(schema, after, {
      onRecord: (record) => hears(record.position) && follower.onRecord(record),
      onBeat: (head) => hears() && follower.onBeat(head),
    });
  const replica = new Replica<Copy, M>({
    name: 'the copy', events: { follow }, schema: owner.schema, clock: owner.clock, logger: silentLogger,
    load: async () => {
      if (!hears()) throw new ServiceError('backend_unavailable', 'The owner cannot be reached.');
      const from = await owner.snapshot();
      await arrival();
      return { position: from.position, state: { from, heard: [] } };
    },
    apply: ({ from, heard }, { message }) => ({ from, heard: [...heard, message] }),
  });
  const content = async () => owner.replay(replica.state!.from, replica.state!.heard);
  return { replica, content, start: () => replica.start(), ready: () => replica.ready() };
}
