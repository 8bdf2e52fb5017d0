import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { expect, it } from '@jest/globals';
import type { ManualClock } from '@sluice/clock';
import { ServiceError, type Code } from '@sluice/errors';
import type { EventLog, EventRecord } from '@sluice/events';
import fc from 'fast-check';
import { STALE_AFTER_MS } from './replica.ts';

/** A running owner of a topic, and how a reader of its README keeps a copy. */
export interface OwnerUnderTest<S extends { readonly position: bigint }, M extends DescMessage, Step> {
  readonly events: Pick<EventLog, 'follow'>;
  readonly clock: ManualClock;
  readonly schema: M;
  snapshot(): Promise<S>;
  take(step: Step): Promise<unknown>;
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
