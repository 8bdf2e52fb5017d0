import { describe, expect, it } from '@jest/globals';
import { Channel, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import { backendCall, kinds } from '../../domain/backend.contract.ts';
import { AnswerReader } from './answer-reader.ts';
import { CHOICES_LIMIT, TOOL_CALLS_LIMIT } from './limits.ts';

const choice = (delta: object, more: object = {}): object => ({ choices: [{ index: 0, delta, ...more }] });
const read = (chunks: readonly (object | string)[], call = backendCall()): ChatEvent[] => {
  const reader = new AnswerReader(call);
  return [...chunks.flatMap((chunk) => reader.read(typeof chunk === 'string' ? chunk : JSON.stringify(chunk))), ...reader.end()];
};
const deltas = (events: readonly ChatEvent[]) => events.flatMap(({ event }) => (event.case === 'delta' ? [event.value] : []));
const reasonOf = (chunks: readonly (object | string)[], call = backendCall()): string[] =>
  read(chunks, call).flatMap(({ event }) => (event.case === 'finished' ? [event.value.reason] : []));

describe('the reader of answers', () => {
  it('holds Started back until there is something to say', () => {
    const reader = new AnswerReader(backendCall());
    expect(reader.read(JSON.stringify({ system_fingerprint: 'fp', service_tier: 'default', ...choice({ role: 'assistant', content: '' }) }))).toEqual([]);
    const events = reader.read(JSON.stringify(choice({ content: ' Hi' })));
    expect(kinds(events)).toEqual(['started', 'delta']);
    expect(events[0]!.event.value).toMatchObject({ systemFingerprint: 'fp', serviceTier: 'default' });
  });

  it('knows every channel', () => {
    const events = read([choice({ reasoning_content: 'think' }), choice({ reasoning: 'more' }), choice({ content: 'say' }), choice({ refusal: 'no' }), choice({ function_call: { name: 'f', arguments: '{' } }), choice({ function_call: { arguments: '}' } })]);
    expect(deltas(events).map(({ channel, text, tool }) => [channel, text, tool?.name])).toEqual([
      [Channel.REASONING, 'think', undefined],
      [Channel.REASONING, 'more', undefined],
      [Channel.CONTENT, 'say', undefined],
      [Channel.REFUSAL, 'no', undefined],
      [Channel.FUNCTION_ARGUMENTS, '{', 'f'],
      [Channel.FUNCTION_ARGUMENTS, '}', ''],
    ]);
  });

  it('takes reasoning once when a backend sends it under both names', () => {
    expect(deltas(read([choice({ reasoning_content: 'a', reasoning: 'a' })]))).toHaveLength(1);
  });

  it('joins content that comes in parts, and refuses content of another kind', () => {
    expect(deltas(read([choice({ content: [{ type: 'text', text: 'a' }, { type: 'text', text: 'b' }] })]))[0]!.text).toBe('ab');
    expect(() => read([choice({ content: { text: 'a' } })])).toThrow("The model's backend failed.");
  });

  it('passes log-probabilities on as they were written, with the text that they belong to', () => {
    const logprobs = '{"content":[{"token":" a","logprob":-0.10000000000000000001,"bytes":[32,97],"top_logprobs":[]}],"refusal":null}';
    const events = read([`{"choices":[{"index":0,"delta":{"content":" a"},"logprobs":${logprobs}}]}`]);
    expect(Buffer.from(deltas(events)[0]!.logprobsJson).toString()).toBe(logprobs);
  });

  it('does not lose log-probabilities that come without text', () => {
    const events = read([choice({ role: 'assistant' }, { logprobs: { content: [], refusal: null } })]);
    expect(deltas(events)).toMatchObject([{ channel: Channel.CONTENT, text: '' }]);
    expect(deltas(events)[0]!.logprobsJson.length).toBeGreaterThan(0);
  });

  it('carries members that it does not know, in their source text', () => {
    const events = read(['{"choices":[{"delta":{"content":"a","annotations":[{"id":12345678901234567890}],"audio":null,"tool_calls":null,"function_call":null}}]}']);
    expect(Buffer.from(deltas(events)[1]!.extraJson).toString()).toBe('{"annotations":[{"id":12345678901234567890}]}');
  });

  it('keeps the bytes of usage and its details', () => {
    const usage = '{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":8},"completion_tokens_details":{"reasoning_tokens":2},"cost":0.10000000000000000001}';
    const last = read([choice({ content: 'a' }), `{"choices":[],"usage":${usage}}`]).at(-1)!;
    expect(last.event.value).toMatchObject({ inputTokens: 9n, outputTokens: 3n, cachedInputTokens: 8n, reasoningTokens: 2n, estimated: false, json: Buffer.from(usage) });
  });

  it.each([{ prompt_tokens: -1, completion_tokens: 'x' }, { prompt_tokens: 0, completion_tokens: 0 }, {}, { prompt_tokens: 1.5, completion_tokens: 2 ** 60 }])('estimates what was not counted: %j', (usage) => {
    expect(read([choice({ content: 'abcde' }), { choices: [], usage }]).at(-1)!.event.value).toMatchObject({ inputTokens: 3n, outputTokens: 2n, estimated: true });
  });

  it('ends with the reason that was given, in the words of OpenAI', () => {
    const words = ['stop', 'length', 'content_filter', 'eos', 'max_tokens'];
    expect(words.map((word) => reasonOf([choice({ content: 'a' }, { finish_reason: word })])[0])).toEqual(['stop', 'length', 'content_filter', 'stop', 'length']);
    expect(reasonOf([choice({ content: 'a' }, { finish_reason: '' })])).toEqual(['stop']);
    expect(() => reasonOf([choice({ content: 'a' }, { finish_reason: 'error' })])).toThrow("The model's backend failed.");
  });

  it('ends with tool_calls when tools were called, except when the request named the tool', () => {
    const called = [choice({ tool_calls: [{ index: 0, id: 'a', function: { name: 'f', arguments: '{}' } }] }, { finish_reason: 'stop' })];
    expect(reasonOf(called)).toEqual(['tool_calls']);
    expect(reasonOf(called, backendCall({ more: { tool_choice: '"required"' } }))).toEqual(['tool_calls']);
    expect(reasonOf(called, backendCall({ more: { tool_choice: '{"type":"function","function":{"name":"f"}}' } }))).toEqual(['stop']);
  });

  it('does not drop text that comes with or behind the reason', () => {
    const events = read([choice({ content: 'a' }, { finish_reason: 'stop' }), choice({ content: 'b' })]);
    expect(kinds(events)).toEqual(['started', 'delta', 'delta', 'finished', 'usage']);
  });

  it('takes a choice without an index by its place', () => {
    const events = read([{ choices: [{ delta: { content: 'a' } }, { delta: { content: 'b' } }] }], backendCall({ choices: 2 }));
    expect(deltas(events).map(({ choice: index, text }) => [index, text])).toEqual([[0, 'a'], [1, 'b']]);
  });

  it.each([{ index: -1 }, { index: 1 }, { index: 0.5 }, { index: '0' }])('refuses a choice that was not asked for: %j', (index) => {
    expect(() => read([{ choices: [{ delta: { content: 'a' }, ...index }] }])).toThrow("The model's backend failed.");
  });

  it('refuses more choices, and more entries of tool calls, than anyone may ask for', () => {
    expect(() => read([{ choices: Array.from({ length: CHOICES_LIMIT + 1 }, (_, index) => ({ index: index % CHOICES_LIMIT, delta: {} })) }], backendCall({ choices: CHOICES_LIMIT }))).toThrow("The model's backend failed.");
    expect(() => read([choice({ tool_calls: Array.from({ length: TOOL_CALLS_LIMIT + 1 }, () => ({ index: 0, id: 'a', function: { name: 'f', arguments: '' } })) })])).toThrow("The model's backend failed.");
  });

  it.each(['null', '[]', '"x"', '{"choices":{}}', '{"choices":[1]}', '{"choices":[{"delta":1}]}', '{', ''])('refuses %s without quoting it', (json) => {
    expect(() => new AnswerReader(backendCall()).read(json)).toThrow("The model's backend failed.");
  });

  it('refuses an answer without any choice', () => {
    expect(() => read([{ choices: [], usage: { prompt_tokens: 1, completion_tokens: 0 } }])).toThrow("The model's backend failed.");
  });

  it.each([
    [{ error: { message: 'x', code: 429 } }, 'upstream_rate_limited'],
    [{ error: { message: 'too long', type: 'invalid_request_error' } }, 'upstream_refused'],
    [{ error: 'out of memory', choices: [] }, 'upstream_error'],
  ])('surfaces an error in the stream: %j', (chunk, code) => {
    expect(() => read([chunk])).toThrow(expect.objectContaining({ code }) as never);
  });

  it('surfaces an event that is named error', () => {
    expect(() => new AnswerReader(backendCall()).read('{"message":"x"}', 'error')).toThrow(expect.objectContaining({ code: 'upstream_error' }) as never);
  });
});
