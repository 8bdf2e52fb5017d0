import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { mergeStreams } from './merge-streams.ts';

async function* each<T>(values: Iterable<T>): AsyncGenerator<T> {
  for (const value of values) {
    await Promise.resolve();
    yield value;
  }
}

describe('mergeStreams', () => {
  it('yields everything of every stream, each in its order, no more streams at once than allowed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 150 }), { maxLength: 8 }), fc.integer({ min: 1, max: 4 }), async (lengths, atOnce) => {
        let open = 0;
        let most = 0;
        const start = async function* (stream: number): AsyncGenerator<readonly [number, number]> {
          most = Math.max(most, ++open);
          for (let index = 0; index < lengths[stream]!; index++) {
            await Promise.resolve();
            yield [stream, index];
          }
          open--;
        };
        const seen = lengths.map((): number[] => []);
        for await (const [stream, index] of mergeStreams(each(lengths.keys()), start, atOnce)) seen[stream]!.push(index);
        expect(seen).toEqual(lengths.map((length) => Array.from({ length }, (_, index) => index)));
        expect(most).toBeLessThanOrEqual(atOnce);
      }),
      { numRuns: 30 },
    );
  });

  it('fails with the first failure, of a stream or of the inputs', async () => {
    const broken = async function* (): AsyncGenerator<number> {
      yield 1;
      throw new Error('broken');
    };
    const read = async (merged: AsyncIterable<unknown>): Promise<void> => {
      for await (const _ of merged) continue;
    };
    await expect(read(mergeStreams(each([1]), broken, 2))).rejects.toThrow('broken');
    await expect(read(mergeStreams(broken(), () => each([1]), 2))).rejects.toThrow('broken');
  });

  it('stops its streams when the reader leaves', async () => {
    let isClosed = false;
    const endless = async function* (): AsyncGenerator<number> {
      try {
        for (;;) {
          await Promise.resolve();
          yield 1;
        }
      } finally {
        isClosed = true;
      }
    };
    for await (const _ of mergeStreams(each([1]), endless, 2)) break;
    for (let turn = 0; turn < 50 && !isClosed; turn++) await Promise.resolve();
    expect(isClosed).toBe(true);
  });
});
