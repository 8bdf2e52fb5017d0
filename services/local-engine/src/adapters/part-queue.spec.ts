import { describe, expect, it } from '@jest/globals';
import type { AnswerPart } from '../domain/model-process.ts';
import { PartQueue } from './part-queue.ts';

const piece = (text: string): AnswerPart => ({ type: 'piece', text, inputTokens: 1, outputTokens: 1, logprobs: [] });
const finished: AnswerPart = { type: 'finished', reason: 'stop' };

describe('PartQueue', () => {
  it('gives parts in their order, to a reader that waits and to one that comes late, and then ends', async () => {
    const parts = new PartQueue();
    const waiting = parts.next();
    for (const part of [piece('a'), piece('b'), finished, piece('after the end')]) parts.push(part);
    await parts.ended;
    expect([await waiting, await parts.next(), await parts.next(), await parts.next(), await parts.next()]).toEqual([piece('a'), piece('b'), finished, undefined, undefined]);
  });

  it('throws a failure after the parts before it, and again to who asks again', async () => {
    const parts = new PartQueue();
    const failure = new Error('gone');
    parts.push(piece('a'));
    parts.fail(failure);
    parts.fail(new Error('later'));
    expect(parts.isEnded).toBe(true);
    expect(await parts.next()).toEqual(piece('a'));
    await expect(parts.next()).rejects.toBe(failure);
    await expect(parts.next()).rejects.toBe(failure);
  });

  it('keeps an answer that is whole when its process goes away afterwards', async () => {
    const parts = new PartQueue();
    parts.push(finished);
    parts.fail(new Error('gone'));
    expect([await parts.next(), await parts.next()]).toEqual([finished, undefined]);
  });

  it('wakes a reader that waits when it fails', async () => {
    const parts = new PartQueue();
    const waiting = parts.next();
    parts.fail(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
  });
});
