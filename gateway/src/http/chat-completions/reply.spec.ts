import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { Channel, ChatEventSchema } from '@sluice/proto/chat/v1/chat';
import fc from 'fast-check';
import type { EventInit } from '../../testing/house.ts';
import { ChatReply } from './reply.ts';

function bodyOf(...inits: EventInit[]): { choices: { index: number; message: Record<string, unknown>; logprobs: unknown; finish_reason: string }[]; usage?: unknown } {
  const reply = new ChatReply();
  reply.release(inits.map((init) => create(ChatEventSchema, init)));
  return JSON.parse(reply.body({ id: 'chatcmpl-1', createdSeconds: 5, model: 'm' })) as ReturnType<typeof bodyOf>;
}

function textOf(...inits: EventInit[]): string {
  const reply = new ChatReply();
  reply.release(inits.map((init) => create(ChatEventSchema, init)));
  return reply.body({ id: 'chatcmpl-1', createdSeconds: 5, model: 'm' });
}

/** JSON as other programs write it: numbers that JavaScript has not, escapes that it would not write, keys in any order. */
const foreignJson = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom('1e-7', '-0.0', '12345678901234567890', '1E400', '0.10', 'null', 'true', '"\\u00e9\\u0041\\/"', '"\\ud83d"', '"\\"]}, \\\\"', '[ ]', '{ }'),
    fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
    fc.array(tie('value'), { maxLength: 3 }).map((values) => `[${values.join(' ,')}]`),
    fc.array(fc.tuple(fc.constantFrom('"b"', '"10"', '"2"', '"\\u0061"', '"content"'), tie('value')), { maxLength: 3 }).map((members) => `{${members.map(([name, value]) => `${name} : ${value}`).join(',')}}`),
  ),
})).value;

const piece = (value: object): EventInit => ({ event: { case: 'delta', value: { channel: Channel.CONTENT, ...value } } });
const end = (reason: string, choice = 0): EventInit => ({ event: { case: 'finished', value: { choice, reason } } });

describe('a whole answer', () => {
  it('has no tool_calls when there are none, and content that is never null for a text', () => {
    expect(bodyOf(piece({ text: 'a' }), piece({ text: 'b' }), end('stop')).choices).toEqual([
      { index: 0, message: { role: 'assistant', content: 'ab', refusal: null, annotations: [] }, logprobs: null, finish_reason: 'stop' },
    ]);
    expect(bodyOf(end('stop')).choices[0]!.message['content']).toBe('');
  });

  it('joins tool calls by index, and leaves the content null', () => {
    const tool = (text: string, call: object): EventInit => piece({ channel: Channel.TOOL_ARGUMENTS, text, tool: call });
    const [choice] = bodyOf(tool('', { index: 0, id: 'a', type: 'function', name: 'f' }), tool('{"x"', { index: 0 }), tool('in', { index: 1, id: 'b', type: 'custom', name: 'g' }), tool(':1}', { index: 0 }), end('tool_calls')).choices;
    expect(choice).toMatchObject({ finish_reason: 'tool_calls', message: { content: null, tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } }, { id: 'b', type: 'custom', custom: { name: 'g', input: 'in' } }] } });
  });

  it('orders choices, joins logprobs, and keeps reasoning, refusal and foreign members', () => {
    const logprobs = (token: string) => Buffer.from(JSON.stringify({ content: [{ token }], refusal: null }));
    const body = bodyOf(
      piece({ choice: 1, channel: Channel.REFUSAL, text: 'no' }),
      end('stop', 1),
      piece({ channel: Channel.REASONING, text: 'why' }),
      piece({ text: 'a', logprobsJson: logprobs('a') }),
      piece({ text: 'b', logprobsJson: logprobs('b'), extraJson: Buffer.from('{"annotations":[{"type":"url_citation"}]}') }),
      end('length'),
    );
    expect(body.choices.map(({ index, finish_reason }) => [index, finish_reason])).toEqual([[0, 'length'], [1, 'stop']]);
    expect(body.choices[0]).toMatchObject({ logprobs: { content: [{ token: 'a' }, { token: 'b' }], refusal: null }, message: { reasoning_content: 'why', annotations: [{ type: 'url_citation' }] } });
    expect(body.choices[1]!.message).toMatchObject({ content: null, refusal: 'no' });
  });

  it('gives the backend\'s usage verbatim, else counts, and invents no details', () => {
    const usage = (value: object): EventInit => ({ event: { case: 'usage', value: value } });
    expect(bodyOf(end('stop'), usage({ json: Buffer.from('{"total_tokens":0,"x":1}') })).usage).toEqual({ total_tokens: 0, x: 1 });
    const impossible = usage({ inputTokens: 5n, outputTokens: 2n, cachedInputTokens: 5n, json: Buffer.from('{"prompt_tokens":5,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":9}}') });
    expect(bodyOf(end('stop'), impossible).usage).toEqual({ prompt_tokens: 5, completion_tokens: 2, total_tokens: 7, prompt_tokens_details: { cached_tokens: 5 } });
    expect(bodyOf(end('stop'), usage({ inputTokens: 1n, outputTokens: 2n })).usage).toEqual({ prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 });
    expect(bodyOf(end('stop'), usage({ inputTokens: 1n, outputTokens: 2n, estimated: true })).usage).toEqual({ prompt_tokens: 1, completion_tokens: 2, total_tokens: 3, sluice: { estimated: true } });
  });

  it('leaves what the backend wrote as it wrote it: log-probabilities, members that nobody here interprets, usage', () => {
    fc.assert(
      fc.property(foreignJson, foreignJson, foreignJson, foreignJson, (logprobs, audio, annotations, usage) => {
        const text = textOf(
          piece({ text: 'a', logprobsJson: Buffer.from(`{"content":${logprobs}}`), extraJson: Buffer.from(`{"10":${audio},"x_\\u0061":1e-7, "annotations":${annotations} }`) }),
          end('stop'),
          { event: { case: 'usage', value: { inputTokens: 1n, json: Buffer.from(`{"total_tokens":${usage}}`) } } },
        );
        JSON.parse(text);
        expect(text).toContain(`"message":{"role":"assistant","content":"a","refusal":null,"10":${audio},"x_\\u0061":1e-7,"annotations":${annotations}},"logprobs":{"content":${logprobs}},"finish_reason":"stop"}`);
        expect(text).toContain(`"usage":{"total_tokens":${usage}}`);
      }),
    );
  });

  it('joins the lists of many pieces without altering an element, and keeps what was said before null', () => {
    fc.assert(
      fc.property(fc.array(fc.array(foreignJson, { maxLength: 3 }), { minLength: 2, maxLength: 5 }), (lists) => {
        const pieces = lists.map((elements) => piece({ text: 'a', logprobsJson: Buffer.from(`{ "content" : [ ${elements.join(' , ')} ], "refusal":null}`) }));
        const text = textOf(...pieces, piece({ text: '', logprobsJson: Buffer.from('{"content":null,"\\u0072efusal":[7]}') }), end('stop'));
        JSON.parse(text);
        expect(text).toContain(`"logprobs":{"content":[${lists.filter((elements) => elements.length > 0).map((elements) => elements.join(' , ')).join(',')}],"refusal":[7]}`);
      }),
    );
  });

  it('has the last of members that come in several pieces, once', () => {
    const extra = (json: string): EventInit => piece({ text: '', extraJson: Buffer.from(json) });
    expect(textOf(extra('{"audio":{"id":1.0},"a":1}'), extra('{"\\u0061":2.50}'), end('stop'))).toContain('"message":{"role":"assistant","content":null,"refusal":null,"annotations":[],"audio":{"id":1.0},"\\u0061":2.50}');
  });
});
