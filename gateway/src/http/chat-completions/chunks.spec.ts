import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { Channel, ChatEventSchema, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import fc from 'fast-check';
import type { EventInit } from '../../testing/house.ts';
import { ChunkWriter } from './chunks.ts';

const FRAME = { id: 'chatcmpl-1', createdSeconds: 5, model: 'al"ias', includeUsage: false };

function events(...inits: EventInit[]): ChatEvent[] {
  return inits.map((init) => create(ChatEventSchema, init));
}

interface Chunk {
  choices: { index: number; delta: Record<string, unknown>; finish_reason: string | null; logprobs?: unknown }[];
  usage?: unknown;
  [member: string]: unknown;
}

function chunksOf(lines: string): Chunk[] {
  return lines.split('\n\n').filter((line) => line.startsWith('data: {')).map((line) => JSON.parse(line.slice(6)) as Chunk);
}

const text = (value: string, choice = 0, channel = Channel.CONTENT): EventInit => ({ event: { case: 'delta', value: { text: value, choice, channel } } });
const tool = (value: string, call: { index: number; id?: string; type?: string; name?: string }): EventInit => ({ event: { case: 'delta', value: { text: value, channel: Channel.TOOL_ARGUMENTS, tool: call } } });

describe('chunks', () => {
  it('carry any text unharmed, in one line each', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1 }), (pieces) => {
        const chunks = chunksOf(new ChunkWriter(FRAME).lines(events(...pieces.map((piece) => text(piece)))));
        expect(chunks.slice(1).map(({ choices }) => choices[0]!.delta['content'])).toEqual(pieces);
      }),
    );
  });

  it('stay in one line each when a backend writes its JSON in several', () => {
    const writer = new ChunkWriter({ ...FRAME, includeUsage: true });
    const pretty = (value: object): Buffer => Buffer.from(JSON.stringify(value, undefined, 2).replaceAll('\n', '\r\n\n'));
    const logprobs = { content: [{ token: 'a\n\nb', logprob: -1 }] };
    const lines = writer.lines(events(
      { event: { case: 'delta', value: { text: 'a', channel: Channel.CONTENT, logprobsJson: pretty(logprobs), extraJson: pretty({ annotations: [{ x: 'y\r\n\r\nz' }] }) } } },
      { event: { case: 'usage', value: { inputTokens: 1n, json: pretty({ total_tokens: 9 }) } } },
    )) + writer.ending();
    expect(lines.split('\n\n').slice(0, -1).every((line) => /^data: [^\r\n]+$/.test(line))).toBe(true);
    const [, chunk, usage] = chunksOf(lines);
    expect(chunk!.choices[0]).toMatchObject({ delta: { content: 'a', annotations: [{ x: 'y\r\n\r\nz' }] }, logprobs });
    expect(usage!.usage).toEqual({ total_tokens: 9 });
  });

  it('tell the counts that are on record where the backend\'s were not believed, and say that they are estimated', () => {
    const writer = new ChunkWriter({ ...FRAME, includeUsage: true });
    writer.lines(events({ event: { case: 'usage', value: { inputTokens: 7n, outputTokens: 2n, estimated: true, json: Buffer.from('{"prompt_tokens":0,"completion_tokens":0}') } } }));
    expect(chunksOf(writer.ending())[0]!.usage).toEqual({ prompt_tokens: 7, completion_tokens: 2, total_tokens: 9, sluice: { estimated: true } });
  });

  it('say the same on every chunk, after the backend told its fingerprint and tier', () => {
    const writer = new ChunkWriter(FRAME);
    const lines = writer.lines(events({ event: { case: 'started', value: { systemFingerprint: 'fp', serviceTier: 'default' } } }, text('a'), { event: { case: 'finished', value: { reason: 'length' } } }));
    for (const chunk of chunksOf(lines)) expect(chunk).toMatchObject({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 5, model: 'al"ias', system_fingerprint: 'fp', service_tier: 'default' });
  });

  it('open every choice with its role, also one that says nothing', () => {
    const chunks = chunksOf(new ChunkWriter(FRAME).lines(events(text('a', 1), text('b', 0), { event: { case: 'finished', value: { choice: 2, reason: 'stop' } } })));
    for (const index of [0, 1, 2]) expect(chunks.find(({ choices }) => choices[0]!.index === index)!.choices[0]!.delta).toEqual({ role: 'assistant', content: '', refusal: null });
    expect(chunks.every(({ choices }) => 'finish_reason' in choices[0]!)).toBe(true);
  });

  it('name a tool call once; continuations hold index and arguments only', () => {
    const deltas = chunksOf(new ChunkWriter(FRAME).lines(events(tool('', { index: 0, id: 'c1', type: 'function', name: 'f' }), tool('{"a"', { index: 0 }), tool('x', { index: 1, id: 'c2', type: 'custom', name: 'g' }), tool('y', { index: 1 }))))
      .slice(1)
      .map(({ choices }) => choices[0]!.delta['tool_calls']);
    expect(deltas).toEqual([
      [{ index: 0, id: 'c1', type: 'function', function: { name: 'f', arguments: '' } }],
      [{ index: 0, function: { arguments: '{"a"' } }],
      [{ index: 1, id: 'c2', type: 'custom', custom: { name: 'g', input: 'x' } }],
      [{ index: 1, custom: { input: 'y' } }],
    ]);
  });

  it('carry reasoning, refusals, function calls, logprobs and members we do not interpret', () => {
    const writer = new ChunkWriter(FRAME);
    const logprobs = { content: [{ token: 'a', logprob: -1, bytes: null, top_logprobs: [] }], refusal: null };
    const chunks = chunksOf(
      writer.lines(
        events(
          text('r', 0, Channel.REASONING),
          text('n', 0, Channel.REFUSAL),
          { event: { case: 'delta', value: { text: '{', channel: Channel.FUNCTION_ARGUMENTS, tool: { name: 'f' } } } },
          { event: { case: 'delta', value: { text: 'a', channel: Channel.CONTENT, logprobsJson: Buffer.from(JSON.stringify(logprobs)), extraJson: Buffer.from('{"annotations":[1]}') } } },
          { event: { case: 'delta', value: { channel: Channel.CONTENT, extraJson: Buffer.from('{"audio":{"id":"x"}}') } } },
        ),
      ),
    ).slice(1);
    expect(chunks.map(({ choices }) => choices[0]!.delta)).toEqual([
      { reasoning_content: 'r', reasoning: 'r' },
      { refusal: 'n' },
      { function_call: { name: 'f', arguments: '{' } },
      { content: 'a', annotations: [1] },
      { audio: { id: 'x' } },
    ]);
    expect(chunks[3]!.choices[0]!.logprobs).toEqual(logprobs);
  });

  it('show usage once, at the end, verbatim, and only when it was asked for', () => {
    const usageEvent: EventInit = { event: { case: 'usage', value: { inputTokens: 1n, outputTokens: 2n, json: Buffer.from('{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"prompt_tokens_details":{"cached_tokens":0}}') } } };
    const asked = new ChunkWriter({ ...FRAME, includeUsage: true });
    const before = chunksOf(asked.lines(events(text('a'), usageEvent)));
    expect(before.map(({ usage }) => usage)).toEqual([null, null]);
    const ending = asked.ending();
    expect(chunksOf(ending)).toMatchObject([{ choices: [], usage: { total_tokens: 3, prompt_tokens_details: { cached_tokens: 0 } } }]);
    expect(ending.endsWith('data: [DONE]\n\n')).toBe(true);
    const unasked = new ChunkWriter(FRAME);
    expect(chunksOf(unasked.lines(events(text('a'), usageEvent))).some((chunk) => 'usage' in chunk)).toBe(false);
    expect(unasked.ending()).toBe('data: [DONE]\n\n');
  });
});
