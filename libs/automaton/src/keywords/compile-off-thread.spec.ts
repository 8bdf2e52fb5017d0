import { describe, expect, it } from '@jest/globals';
import type { Match } from '../detector.ts';
import { compileKeywords, serialiseKeywords } from './compile-keywords.ts';
import { compileOffThread } from './compile-off-thread.ts';
import { keywordDetector } from './keyword-detector.ts';
import { KeywordsRefused } from './keywords-refused.ts';

const lists = [{ rule: 4, words: ['法轮功', 'asshole', 'hash'] }, { rule: 7, words: ['Scunthorpe'], allow: true }];

describe('compileOffThread', () => {
  it('hands over, in shared memory, the tables that this thread would have made', async () => {
    const compiled = await compileOffThread(lists);
    const here = serialiseKeywords(compileKeywords(lists));
    const there = serialiseKeywords(compiled);
    expect(Object.prototype.toString.call(there.words)).toBe('[object SharedArrayBuffer]');
    expect(Buffer.from(there.words).equals(Buffer.from(here.words))).toBe(true);
    expect(Buffer.from(there.sounds!).equals(Buffer.from(here.sounds!))).toBe(true);

    const detector = keywordDetector([compiled]);
    detector.push('one hash');
    detector.end();
    const matches: Match[] = [];
    detector.drain(matches);
    expect(matches).toEqual([{ rule: 4, start: 4, end: 8 }]);
  });

  it('hands over long lists in parts, of which no word is lost', async () => {
    const long = [{ rule: 1, words: Array.from({ length: 4_001 }, (_, index) => `x${index}y`), wholeWord: false }, { rule: 2, words: ['x4000y'] }, { rule: 3, words: [] }];
    const there = serialiseKeywords(await compileOffThread(long));
    expect(Buffer.from(there.words).equals(Buffer.from(serialiseKeywords(compileKeywords(long)).words))).toBe(true);
  });

  it('is ended by whoever waits for it, before it begins as in the middle', async () => {
    const end = new AbortController();
    const compiled = compileOffThread(lists, end.signal);
    end.abort();
    await expect(compiled).rejects.toMatchObject({ code: 'content_filter_unavailable', message: expect.stringContaining('given up') });
    await expect(compileOffThread(lists, end.signal)).rejects.toThrow();
  });

  it('says that there is no room, without a word of it', async () => {
    const alike = [{ rule: 0, words: Array.from({ length: 300 }, (_, index) => `z${'a'.repeat(1 + index % 20)}${'b'.repeat(1 + Math.floor(index / 20))}z`) }];
    await expect(compileOffThread(alike)).rejects.toThrow(new KeywordsRefused('more than 256 words of a list are the same but for how often their letters are repeated'));
  });

  it('says so when the thread dies of what it was given, without a word of it', async () => {
    const broken = [{ rule: 0, words: ['a', null as unknown as string] }];
    const failure = await compileOffThread(broken).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'content_filter_unavailable', message: 'The words of the content filter could not be compiled: the thread failed.' });
  });
});
