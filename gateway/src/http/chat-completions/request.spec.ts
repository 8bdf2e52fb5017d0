import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import fc from 'fast-check';
import { FIELDS } from './fields.ts';
import { emptyCall, readChatRequest } from './request.ts';

const BASE = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };

function read(body: unknown) {
  return readChatRequest(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
}

function refusal(body: unknown): { code: string; param: string | undefined; status: number; message: string } {
  try {
    read(body);
  } catch (thrown) {
    if (thrown instanceof ServiceError) return { code: thrown.code, param: thrown.param, status: thrown.httpStatus, message: thrown.message };
    throw thrown;
  }
  throw new Error('it was accepted');
}

const WRONG: readonly unknown[] = [true, 1.5, -1e300, 'text', [], [1], [[]], {}, { a: { b: 1 } }, [{}], [null], '\u0000', ''];

describe('a request', () => {
  it('is read with its opaque parts as the bytes they were sent as', () => {
    const { call, includeUsage } = read('{ "seed" : 9007199254740991 , "model":"m", "messages" :[ {"role":"user","content":"a\\u0301"} ],"stream":true,"stream_options":{"include_usage":true},"n":2 , "tools" : [{"type":"function","function":{"name":"f","parameters":{"x":12345678901234567890}}}] }');
    expect(call).toMatchObject({ model: 'm', stream: true, choices: 2 });
    expect(includeUsage).toBe(true);
    expect(Buffer.from(call.messages).toString()).toBe('[ {"role":"user","content":"a\\u0301"} ]');
    expect(call.fields.map(({ name, json }) => [name, Buffer.from(json).toString()])).toEqual([
      ['seed', '9007199254740991'],
      ['stream_options', '{"include_usage":true}'],
      ['tools', '[{"type":"function","function":{"name":"f","parameters":{"x":12345678901234567890}}}]'],
    ]);
  });

  it('treats null as absence for every field but the two that must be there', () => {
    for (const name of Object.keys(FIELDS)) {
      if (name === 'model' || name === 'messages') expect(refusal({ ...BASE, [name]: null })).toMatchObject({ code: 'missing_required_parameter', param: name });
      else expect(read({ ...BASE, [name]: null }).call.fields).toEqual([]);
    }
  });

  it('drops neither of two limits in silence', () => {
    expect(() => read({ ...BASE, max_tokens: 5, max_completion_tokens: 6 })).toThrow(expect.objectContaining({ code: 'invalid_value', param: 'max_tokens' }) as never);
    expect(read({ ...BASE, max_tokens: null, max_completion_tokens: 6 }).call.fields.map(({ name }) => name)).toEqual(['max_completion_tokens']);
  });

  it('refuses by name the obfuscation that it does not make', () => {
    const options = (include_obfuscation: unknown) => ({ ...BASE, stream: true, stream_options: { include_obfuscation } });
    expect(() => read(options(true))).toThrow(expect.objectContaining({ code: 'unsupported_parameter', param: 'stream_options.include_obfuscation' }) as never);
    expect(() => read(options('yes'))).toThrow(expect.objectContaining({ code: 'invalid_type' }) as never);
    expect(read(options(false)).call.stream).toBe(true);
    expect(read({ ...BASE, max_tokens: 5 }).call.fields.map(({ name }) => name)).toEqual(['max_tokens']);
  });

  it('passes extensions of inference servers on and refuses other fields by name', () => {
    expect(read({ ...BASE, top_k: 5, guided_json: { type: 'object' }, chat_template_kwargs: { x: 1 } }).call.fields).toHaveLength(3);
    expect(refusal({ ...BASE, chat_template: '{{ x }}' })).toMatchObject({ code: 'unknown_parameter', param: 'chat_template' });
  });

  it.each([
    [{ ...BASE, messages: [] }, 'empty_array', 'messages'],
    [{ messages: BASE.messages }, 'missing_required_parameter', 'model'],
    [{ model: 'm' }, 'missing_required_parameter', 'messages'],
    [{ ...BASE, messages: [{ role: 'user', content: 7 }] }, 'invalid_type', 'messages[0].content'],
    [{ ...BASE, messages: [{ role: 'user', content: null }] }, 'missing_required_parameter', 'messages[0].content'],
    [{ ...BASE, messages: [{ role: 'robot', content: 'x' }] }, 'invalid_value', 'messages[0].role'],
    [{ ...BASE, messages: [{ role: 'assistant', content: null }] }, 'invalid_type', 'messages[0].content'],
    [{ ...BASE, messages: [{ role: 'user', content: [{ type: 'text' }] }] }, 'missing_required_parameter', 'messages[0].content[0].text'],
    [{ ...BASE, messages: [{ role: 'tool', content: 'x' }] }, 'missing_required_parameter', 'messages[0].tool_call_id'],
    [{ ...BASE, messages: Array.from({ length: 10_000 }, () => BASE.messages[0]) }, 'invalid_value', 'messages'],
    [{ ...BASE, n: 0 }, 'invalid_value', 'n'],
    [{ ...BASE, n: 129 }, 'invalid_value', 'n'],
    [{ ...BASE, n: 1.5 }, 'invalid_type', 'n'],
    [{ ...BASE, temperature: 2.1 }, 'invalid_value', 'temperature'],
    [{ ...BASE, verbosity: 'loud' }, 'invalid_value', 'verbosity'],
    [{ ...BASE, stream_options: { include_usage: true } }, 'invalid_value', 'stream_options'],
    [{ ...BASE, stream: true, stream_options: { other: true } }, 'unknown_parameter', 'stream_options.other'],
    [{ ...BASE, top_logprobs: 2 }, 'invalid_value', 'top_logprobs'],
    [{ ...BASE, store: true }, 'unsupported_parameter', 'store'],
    [{ ...BASE, moderation: { model: 'x' } }, 'unsupported_parameter', 'moderation'],
    [{ ...BASE, response_format: { type: 'json_schema' } }, 'missing_required_parameter', 'response_format.json_schema'],
    [{ ...BASE, tools: Array.from({ length: 129 }, () => ({ type: 'function', function: { name: 'f' } })) }, 'invalid_value', 'tools'],
    [{ ...BASE, tools: [{ type: 'function', function: { name: 'no spaces' } }] }, 'invalid_value', 'tools[0].function.name'],
    [{ ...BASE, metadata: { key: 'x'.repeat(513) } }, 'invalid_value', 'metadata'],
    [{ ...BASE, stop: ['a', 'b', 'c', 'd', 'e'] }, 'invalid_value', 'stop'],
    [{ ...BASE, model: 'a\u0000b' }, 'invalid_value', 'model'],
    ['{"model":"m","model":"n","messages":[{"role":"user","content":"x"}]}', 'invalid_value', 'model'],
    ['{"model":"m","messages":[{"role":"user","content":"\\ud800"}]}', 'invalid_value', 'messages'],
    ['{"__proto__":{"x":1},"model":"m","messages":[{"role":"user","content":"x"}]}', 'unknown_parameter', '__proto__'],
    ['{"constructor":1}', 'unknown_parameter', 'constructor'],
  ])('%# is refused: %j', (body, code, param) => {
    expect(refusal(body)).toMatchObject({ code, param });
  });

  it.each([
    [{ role: 'assistant', content: null, tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }] }],
    [{ role: 'assistant', tool_calls: [{ id: 'c', type: 'custom', custom: { name: 'f', input: 'x' } }] }],
    [{ role: 'tool', tool_call_id: 'c', content: [{ type: 'text', text: 'x' }] }],
    [{ role: 'developer', content: 'x', name: 'a' }],
    [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:,' } }, { type: 'text', text: '\ud83d\ude00' }] }],
    [{ role: 'function', name: 'f', content: null }],
    [{ role: 'assistant', content: 'x', reasoning_content: 'y', cache_control: { type: 'ephemeral' } }],
  ])('%# accepts the message %j', (message) => {
    expect(read({ ...BASE, messages: [message] }).call.model).toBe('m');
  });

  it('names the field for every field and every wrong type, and never fails otherwise', () => {
    for (const name of Object.keys(FIELDS)) {
      for (const wrong of WRONG) {
        try {
          read({ ...BASE, stream: true, logprobs: true, tools: [], [name]: wrong });
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(ServiceError);
          expect((thrown as ServiceError).httpStatus).toBe(400);
          expect((thrown as ServiceError).param).toMatch(new RegExp(`^(${name}|tool_choice|stream_options)`));
        }
      }
    }
  });

  it('answers any JSON with a call or a 4xx', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.dictionary(fc.oneof(fc.constantFrom(...Object.keys(FIELDS)), fc.string()), fc.jsonValue()), (text, members) => {
        for (const body of [text, JSON.stringify({ ...BASE, ...members })]) {
          try {
            read(body);
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(ServiceError);
            expect((thrown as ServiceError).httpStatus).toBeLessThan(500);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('answers any bytes with a call or a 4xx', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 60 }), (noise, at) => {
        const good = Buffer.from(JSON.stringify(BASE));
        for (const body of [Buffer.from(noise), Buffer.concat([good.subarray(0, at), noise, good.subarray(at)]), good.subarray(0, at)]) {
          try {
            readChatRequest(body);
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(ServiceError);
            expect((thrown as ServiceError).httpStatus).toBe(400);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('refuses nesting above the limit at once, with the field', () => {
    const deep = `{"model":"m","messages":${'['.repeat(500_000)}`;
    expect(refusal(deep)).toMatchObject({ code: 'too_deep', param: 'messages' });
  });

  it('keeps what was understood before the fault', () => {
    const understood = emptyCall();
    expect(() => readChatRequest(Buffer.from('{"model":"m","seed":1,"temperature":9}'), understood)).toThrow();
    expect(understood).toMatchObject({ model: 'm', fields: [{ name: 'seed' }] });
  });
});
