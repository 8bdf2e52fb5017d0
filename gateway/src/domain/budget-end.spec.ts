import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { ChatEventSchema, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import { counted, over, text, used } from '../testing/flow-house.ts';
import type { EventInit } from '../testing/house.ts';
import { countedTogether, isLargerThan, stopped, withClip } from './budget-end.ts';

const events = (...inits: EventInit[]): ChatEvent[] => inits.map((init) => create(ChatEventSchema, init));

describe('the end that a budget sets to an answer', () => {
  it('keeps together what one count covers, and takes what stands behind the last count piece by piece', () => {
    const given = events(text('a'), text('b'), counted(1n, 2n), text('c'), counted(1n, 3n), text('d'), over());
    expect([...countedTogether(given)].map(({ length }) => length)).toEqual([3, 2, 1, 1]);
    expect([...countedTogether(given)].flat()).toEqual(given);
  });

  it('tells pieces that cannot be stopped on the way by their bytes', () => {
    expect(events(text('x'.repeat(1_024)), text('é'.repeat(513)), used(1n, 9_000n)).map((event) => isLargerThan(256, event))).toEqual([false, true, false]);
  });

  it('is said of answers that ended at their length, and of no other', () => {
    const [length, stop] = events(over('length', 1), over('stop'));
    expect([withClip(length!), withClip(stop!)]).toEqual([stopped(1), stop]);
    expect(stopped(1).event).toMatchObject({ case: 'finished', value: { choice: 1, reason: 'length', stoppedBy: 'budget' } });
  });
});
