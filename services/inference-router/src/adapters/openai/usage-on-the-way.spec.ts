import { describe, expect, it } from '@jest/globals';
import type { ChatEvent } from '@sluice/proto/chat/v1/chat';
import { backendCall, kinds } from '../../domain/backend.contract.ts';
import { AnswerReader } from './answer-reader.ts';

const chunk = (content: string, usage: unknown, index = 0): string => JSON.stringify({ choices: [{ index, delta: { content } }], usage });
const used = (prompt: number, completion: number, more: object = {}): object => ({ prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion, ...more });
const read = (chunks: readonly string[], call = backendCall()): ChatEvent[] => {
  const reader = new AnswerReader(call);
  return [...chunks.flatMap((each) => reader.read(each)), ...reader.end()];
};
const counted = (events: readonly ChatEvent[]): number[] => events.flatMap(({ event }) => (event.case === 'counts' ? [Number(event.value.outputTokens)] : []));

describe('usage in the chunks of a stream', () => {
  it('is read behind the text that it counts, and the last one is the usage of the answer', () => {
    const events = read([chunk('Hel', used(9, 2, { prompt_tokens_details: { cached_tokens: 8 } })), chunk('lo', used(9, 3)), chunk('', used(9, 3))]);
    expect(kinds(events)).toEqual(['started', 'delta', 'counts', 'delta', 'counts', 'finished', 'usage']);
    expect(events[2]!.event.value).toMatchObject({ inputTokens: 9n, outputTokens: 2n, cachedInputTokens: 8n, reasoningTokens: 0n, estimated: false });
    expect(events.at(-1)!.event.value).toMatchObject({ inputTokens: 9n, outputTokens: 3n, estimated: false });
  });

  it.each([
    ['is null', [null, null], []],
    ['counts the prompt alone', [used(9, 0), used(9, 0)], []],
    ['counts the output alone', [used(0, 1), used(0, 2)], []],
    ['is no object', ['many', 7], []],
    ['counts each chunk for itself', [used(9, 1), used(9, 1), used(9, 2)], [1, 2]],
    ['goes back', [used(9, 5), used(9, 4), used(9, 6)], [5, 6]],
    ['is not a number that can be', [used(9, -1), used(9, 1.5), used(2 ** 60, 4)], []],
  ])('is not taken for a count when it %s', (_, usages, expected) => {
    expect(counted(read(usages.map((usage) => chunk('text', usage))))).toEqual(expected);
  });

  it('is not read of an answer with several choices, which servers count each for itself, or of one that is not streamed', () => {
    expect(counted(read([chunk('a', used(9, 1)), chunk('b', used(9, 1), 1)], backendCall({ choices: 2 })))).toEqual([]);
    expect(kinds(read([JSON.stringify({ choices: [{ message: { content: 'a' } }], usage: used(9, 1) })], backendCall({ stream: false })))).toEqual(['started', 'delta', 'finished', 'usage']);
  });
});
