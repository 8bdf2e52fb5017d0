import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RecentSegments } from './recent-segments.ts';

const place = (seq: bigint, epoch = 1n, producer = 'gateway') => ({ producer, epoch, seq });

describe('recent segments', () => {
  it('gives back what was put under the same place, and nothing under another', () => {
    const recent = new RecentSegments();
    recent.put(place(1n, 2n, '3'), Buffer.from('one'));
    expect(recent.get(place(1n, 2n, '3'), 3)).toEqual(Buffer.from('one'));
    expect([recent.get(place(2n, 1n, '3'), 3), recent.get(place(1n, 2n, '33'), 3), recent.get(place(1n, 23n, ''), 3)]).toEqual([undefined, undefined, undefined]);
  });

  it('does not answer for a segment that has another size on the log', () => {
    const recent = new RecentSegments();
    recent.put(place(1n), Buffer.from('one'));
    expect(recent.get(place(1n), 4)).toBeUndefined();
  });

  it('holds the newest, at most 8 MiB, however often a place is put', () => {
    fc.assert(fc.property(fc.array(fc.record({ seq: fc.nat(30), mebibytes: fc.integer({ min: 0, max: 9 }) }), { maxLength: 60 }), (puts) => {
      const recent = new RecentSegments();
      const model: { seq: number; bytes: Uint8Array }[] = [];
      for (const { seq, mebibytes } of puts) {
        const bytes = new Uint8Array(SIZES[mebibytes]!);
        recent.put(place(BigInt(seq)), bytes);
        model.splice(0, model.length, ...model.filter((one) => one.seq !== seq), { seq, bytes });
        while (model.reduce((sum, one) => sum + one.bytes.length, 0) > 8 * 1024 * 1024) model.shift();
        for (let at = 0; at <= 30; at++) {
          const held = model.find((one) => one.seq === at)?.bytes;
          expect(recent.get(place(BigInt(at)), held?.length ?? 0)).toBe(held);
        }
      }
    }), { numRuns: 30 });
  });
});

const SIZES = Array.from({ length: 10 }, (_, mebibytes) => mebibytes * 1024 * 1024);
