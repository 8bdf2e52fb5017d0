import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FRAME, joinFrames, splitFrames, type Frame } from './frame.ts';

const frame = fc.record({ kind: fc.constantFrom(...Object.values(FRAME)), id: fc.nat({ max: 2 ** 32 - 1 }), payload: fc.uint8Array({ maxLength: 50 }) });
const plain = (frames: readonly Frame[]) => frames.map(({ kind, id, payload }) => ({ kind, id, payload: [...payload] }));

describe('frames', () => {
  it('come out of a message as they went in', () => {
    fc.assert(fc.property(fc.array(frame), (frames) => expect(plain(splitFrames(joinFrames(frames)))).toEqual(plain(frames))));
  });

  it('are whole frames of known kinds, or an error', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => {
      try {
        expect([...joinFrames(splitFrames(bytes))]).toEqual([...bytes]);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }));
  });
});
