import { describe, expect, it } from '@jest/globals';
import { compileKeywords, type CompiledKeywords } from '@sluice/automaton';
import { KnownWords } from './known-words.ts';

const badger = (): CompiledKeywords => compileKeywords([{ rule: 0, words: ['badger'], allow: false, wholeWord: true }]);

describe('words that are known', () => {
  it('are compiled once, also for two who ask at once, and by each name for itself', async () => {
    const known = new KnownWords();
    const gate = Promise.withResolvers<void>();
    let compiled = 0;
    const compile = async (): Promise<CompiledKeywords> => {
      compiled++;
      await gate.promise;
      return badger();
    };
    const asked = [known.get('a', compile), known.get('a', compile), known.get('b', compile)];
    gate.resolve();
    const [first, second, other] = await Promise.all(asked);
    expect([first === second, first === other, await known.get('a', compile) === first, compiled]).toEqual([true, false, true, 2]);
  });

  it('are compiled by the next who asks when the first could not: that one may have run out of time', async () => {
    const known = new KnownWords();
    const gate = Promise.withResolvers<never>();
    const first = known.get('a', () => gate.promise);
    const second = known.get('a', async () => badger());
    gate.reject(new Error('too long'));
    await expect(first).rejects.toThrow('too long');
    expect(await second).toBe(await known.get('a', () => Promise.reject(new Error('it is known'))));
  });
});
