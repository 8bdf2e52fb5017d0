import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MAX_HELD_RECORDS, RecordOrder, type ReadRecord } from './record-order.ts';

const record = (position: number, offset: number): ReadRecord => ({ position: BigInt(position), offset: BigInt(offset), key: 'k', payload: Buffer.alloc(0), traceparent: undefined });
/** A log whose every position appears: which of them lies at each offset. */
const LOG = fc.integer({ min: 1, max: 60 }).chain((count) =>
  fc.tuple(fc.shuffledSubarray(Array.from({ length: count }, (_, index) => index + 1), { minLength: count }), fc.array(fc.integer({ min: 1, max: count }), { maxLength: 30 }))
    .chain(([all, again]) => fc.shuffledSubarray([...all, ...again], { minLength: all.length + again.length })));

describe('the order of a topic', () => {
  it('is that of positions, each once, whatever lies twice or too early, and a crash anywhere loses and repeats nothing', () => {
    fc.assert(fc.property(LOG, fc.integer({ min: 1, max: 7 }), fc.infiniteStream(fc.integer({ min: 0, max: 9 })), (log, limit, dice) => {
      const handled: bigint[] = [];
      // What a database keeps.
      let kept = { position: 0n, nextOffset: 0n };
      let order = new RecordOrder(kept.position, kept.nextOffset);
      let offset = 0;
      for (let step = 0; offset < log.length; step++) {
        if (step < 200 && dice.next().value === 0) {
          order = new RecordOrder(kept.position, kept.nextOffset);
          offset = Number(kept.nextOffset);
        }
        order.read(record(log[offset]!, offset));
        offset++;
        for (let ready = order.ready(limit); ready.length > 0; ready = order.ready(limit)) {
          const last = ready.at(-1)!.position;
          kept = { position: last, nextOffset: order.nextOffset(last) };
          handled.push(...ready.map(({ position }) => position));
          order.handled(last);
        }
      }
      const count = Math.max(...log);
      expect(handled).toEqual(Array.from({ length: count }, (_, index) => BigInt(index + 1)));
    }));
  });

  it('waits for a record that is missing, and says when that is no disorder any more', () => {
    const order = new RecordOrder(0n, 0n);
    for (let n = 0; n < MAX_HELD_RECORDS - 1; n++) order.read(record(n + 2, n));
    expect([order.ready(10), order.isFull, order.nextOffset(0n)]).toEqual([[], false, 0n]);
    order.read(record(MAX_HELD_RECORDS + 1, MAX_HELD_RECORDS));
    expect(order.isFull).toBe(true);
    order.read(record(1, MAX_HELD_RECORDS + 1));
    expect(order.ready(MAX_HELD_RECORDS + 2)).toHaveLength(MAX_HELD_RECORDS + 1);
  });

  it('counts what waits behind a missing record, and nothing that is only not handled yet', () => {
    const order = new RecordOrder(0n, 0n);
    order.read(record(1, 0));
    order.read(record(3, 1));
    expect(order.waiting).toBe(0);
    order.handled(1n);
    expect([order.waiting, order.nextOffset(order.position)]).toEqual([1, 1n]);
    order.read(record(4, 2));
    expect(order.waiting).toBe(2);
    order.read(record(2, 3));
    expect([order.waiting, order.nextOffset(order.position)]).toEqual([0, 1n]);
    order.handled(4n);
    expect([order.waiting, order.nextOffset(order.position)]).toEqual([0, 4n]);
  });

  it('goes past what is no record', () => {
    const order = new RecordOrder(4n, 7n);
    order.skip(7n);
    expect(order.nextOffset(4n)).toBe(8n);
  });
});
