import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { JoinedBytes } from './joined-bytes.ts';

describe('bytes in pieces', () => {
  it('are what came, in order, again and again', () => {
    const piece = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.array(fc.array(piece, { maxLength: 12 }), { maxLength: 4 }), (rounds) => {
        const joined = new JoinedBytes();
        for (const pieces of rounds) {
          const given = Buffer.concat(pieces);
          for (const one of pieces) joined.push(one);
          expect(joined.length).toBe(given.length);
          expect(joined.take()).toEqual(given);
          expect(joined.length).toBe(0);
        }
      }),
    );
  });

  it('never write into a piece that is not theirs', () => {
    const socket = Buffer.from('abcdef');
    const joined = new JoinedBytes();
    joined.push(socket.subarray(0, 2));
    joined.push(Buffer.from('XY'));
    expect([joined.take().toString(), socket.toString()]).toEqual(['abXY', 'abcdef']);
  });

  it('keep a piece that stays alone as it came', () => {
    const piece = Buffer.from('alone');
    const joined = new JoinedBytes();
    joined.push(piece);
    expect(joined.take().buffer).toBe(piece.buffer);
  });
});
