import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { Channel, ChatCallSchema, type ChatCall } from '@sluice/proto/chat/v1/chat';
import fc from 'fast-check';
import { AutomatonCompiler } from '../../adapters/automaton-compiler.ts';
import { rule } from '../../testing/rules.ts';
import { Hits } from './hits.ts';
import { filterInput, type InputOutcome } from './input-filter.ts';
import { STRETCH_UNITS } from './limits.ts';
import type { Policy } from './policy.ts';
import { MASK, ScriptedPolicy } from './testing/scripted-policy.ts';

const policy = new ScriptedPolicy([{ word: 'abc', action: 'mask' }, { word: 'bad', action: 'block' }, { word: 'hm', action: 'flag' }, { word: 'string', action: 'mask' }]);

function callOf(messages: unknown, fields: Readonly<Record<string, unknown>> = {}): ChatCall {
  const json = (value: unknown): Uint8Array => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  return Object.freeze(create(ChatCallSchema, { model: 'm', messages: json(messages), choices: 1, fields: Object.entries(fields).map(([name, value]) => ({ name, json: json(value) })) }));
}

function run(call: ChatCall, rules: Policy = policy): InputOutcome & { hits: Hits; turns: number } {
  const hits = new Hits(rules, 'org', (_organisation, text) => Buffer.from(text));
  const steps = filterInput(call, rules, hits);
  for (let turns = 0; ; turns++) {
    const step = steps.next();
    if (step.done) return { ...step.value, hits, turns };
  }
}

const messagesOf = (outcome: InputOutcome): unknown => JSON.parse(Buffer.from(outcome.call!.messages).toString());
const fieldOf = ({ call }: InputOutcome, name: string): unknown => JSON.parse(Buffer.from(call!.fields.find((field) => field.name === name)!.json).toString());

describe('input filter', () => {
  it('gives a clean call back as it is', () => {
    const call = callOf([{ role: 'user', content: 'fine' }], { temperature: 0.5, stop: ['x'] });
    expect(run(call)).toMatchObject({ action: undefined, call });
    expect(run(call).call).toBe(call);
  });

  it('masks every text that reaches the model', () => {
    const messages = [
      { role: 'system', name: 'abc', content: 'be abc' },
      { role: 'user', content: [{ type: 'text', text: 'abc!', abc: 1 }, { type: 'file', file: { filename: 'abc.txt', file_data: 'abc' } }] },
      { role: 'assistant', content: null, refusal: 'no abc', reasoning_content: 'abc?', tool_calls: [{ id: 'b', type: 'function', function: { name: 'f', arguments: '{"q":"\\u0061bc","abc":["abc"]}' } }, { id: 'c', type: 'custom', custom: { name: 'f', input: 'abc' } }] },
      { role: 'tool', tool_call_id: 'b', content: '{"found":"abc"}' },
      { role: 'assistant', function_call: { name: 'f', arguments: 'not json abc' } },
    ];
    const outcome = run(callOf(messages));
    expect(outcome.action).toBe('mask');
    expect(messagesOf(outcome)).toEqual([
      { role: 'system', name: MASK, content: `be ${MASK}` },
      { role: 'user', content: [{ type: 'text', text: `${MASK}!`, [MASK]: 1 }, { type: 'file', file: { filename: `${MASK}.txt`, file_data: 'abc' } }] },
      { role: 'assistant', content: null, refusal: `no ${MASK}`, reasoning_content: `${MASK}?`, tool_calls: [{ id: 'b', type: 'function', function: { name: 'f', arguments: `{"q":"${MASK}","${MASK}":["${MASK}"]}` } }, { id: 'c', type: 'custom', custom: { name: 'f', input: MASK } }] },
      { role: 'tool', tool_call_id: 'b', content: `{"found":"${MASK}"}` },
      { role: 'assistant', function_call: { name: 'f', arguments: `not json ${MASK}` } },
    ]);
    expect(outcome.hits.all.map(({ channel, index }) => [Channel[channel], index])).toEqual([
      ['CONTENT', 0], ['CONTENT', 0], ['CONTENT', 1], ['CONTENT', 1], ['CONTENT', 1], ['REFUSAL', 2], ['REASONING', 2],
      ['TOOL_ARGUMENTS', 2], ['TOOL_ARGUMENTS', 2], ['TOOL_ARGUMENTS', 2], ['TOOL_ARGUMENTS', 2], ['CONTENT', 3], ['FUNCTION_ARGUMENTS', 4],
    ]);
  });

  it('masks texts in other fields, and leaves the words of the API', () => {
    const outcome = run(
      callOf([], {
        tools: [{ type: 'function', function: { name: 'f', description: 'finds abc', parameters: { type: 'object', properties: { abc: { type: 'string', description: 'abc', enum: ['abc'] } }, required: ['abc'] } } }],
        response_format: { type: 'json_schema', json_schema: { name: 'f', schema: { type: ['string', 'null'], title: 'abc' } } },
        prediction: { type: 'content', content: [{ type: 'text', text: 'abc' }] },
        stop: ['abc', 'x'],
        user: '"abc"',
        metadata: { abc: 'abc' },
        vendor_extra: { type: 'abc', deep: [{ abc: 'abc' }] },
      }),
    );
    expect(fieldOf(outcome, 'tools')).toEqual([{ type: 'function', function: { name: 'f', description: `finds ${MASK}`, parameters: { type: 'object', properties: { [MASK]: { type: 'string', description: MASK, enum: [MASK] } }, required: [MASK] } } }]);
    expect(fieldOf(outcome, 'response_format')).toEqual({ type: 'json_schema', json_schema: { name: 'f', schema: { type: ['string', 'null'], title: MASK } } });
    expect(fieldOf(outcome, 'prediction')).toEqual({ type: 'content', content: [{ type: 'text', text: MASK }] });
    expect(fieldOf(outcome, 'stop')).toEqual([MASK, 'x']);
    expect(fieldOf(outcome, 'user')).toBe(MASK);
    expect(fieldOf(outcome, 'metadata')).toEqual({ [MASK]: MASK });
    expect(fieldOf(outcome, 'vendor_extra')).toEqual({ type: MASK, deep: [{ [MASK]: MASK }] });
  });

  it('does not touch addresses and data of media, where they belong', () => {
    const media = [
      { type: 'image_url', image_url: { url: 'data:image/png;base64,bad', detail: 'high' } },
      { type: 'image_url', image_url: { url: 'https://example.org/bad' } },
      { type: 'input_audio', input_audio: { data: 'badabc', format: 'wav' } },
    ];
    const call = callOf([{ role: 'user', content: media }]);
    expect(run(call)).toMatchObject({ action: undefined, call });
    expect(run(callOf([{ role: 'user', content: [{ type: 'text', text: 'x', url: 'https://example.org/bad' }] }])).action).toBe('block');
  });

  it.each<[string, unknown, Record<string, unknown>]>([
    ['an id', [{ role: 'tool', tool_call_id: 'abc', content: 'x' }], {}],
    ['the name of a tool that was called', [{ role: 'assistant', tool_calls: [{ id: '1', type: 'function', function: { name: 'abc', arguments: '{}' } }] }], {}],
    ['the name of a tool that is offered', [], { tools: [{ type: 'function', function: { name: 'abc' } }] }],
    ['the name of a function that is offered', [], { functions: [{ name: 'abc' }] }],
    ['the name of the tool that is chosen', [], { tool_choice: { type: 'function', function: { name: 'abc' } } }],
    ['the name of a schema', [], { response_format: { type: 'json_schema', json_schema: { name: 'abc', schema: {} } } }],
    ['the head of an image', [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:abc;base64,AAAA' } }] }], {}],
  ])('refuses what would be masked and must stay as it is: %s', (_where, messages, fields) => {
    const outcome = run(callOf(messages, fields));
    expect(outcome).toMatchObject({ action: 'block', blockedBy: { id: 'rule-0' } });
    expect(outcome.hits.all).toMatchObject([{ ruleId: 'rule-0' }]);
    expect(JSON.stringify([messagesOf(outcome), outcome.call!.fields.map(({ json }) => Buffer.from(json).toString())])).not.toContain('abc');
  });

  it('flags what must stay as it is', () => {
    const call = callOf([{ role: 'tool', tool_call_id: 'hm', content: 'x' }]);
    const outcome = run(call);
    expect(outcome).toMatchObject({ action: 'flag', call });
    expect(outcome.hits.all).toMatchObject([{ ruleId: 'rule-2', channel: Channel.CONTENT }]);
  });

  it.each<[string, unknown, Record<string, unknown>]>([
    ['beside a content', '[{"role":"user","content":"x","card":4111}]', {}],
    ['in a schema', [], { tools: [{ type: 'function', function: { name: 'f', parameters: { properties: { c: { default: 4111 } } } } }] }],
    ['with a point', '[{"role":"user","content":"x","card":4111.0}]', {}],
    ['with an exponent', '[{"role":"user","content":"x","card":4.111e3}]', {}],
    ['of a parameter', [], { seed: '12344111567' }],
    ['that names a token', [], { logit_bias: { 12344111567: 1 } }],
  ])('refuses a number %s', (_where, messages, fields) => {
    const cards = new ScriptedPolicy([{ word: '4111', action: 'mask' }]);
    expect(run(callOf(messages, fields), cards)).toMatchObject({ action: 'block', blockedBy: { id: 'rule-0' } });
  });

  it('lets the numbers of parameters alone, which are not for the model', () => {
    const numbers = new ScriptedPolicy([{ word: '4', action: 'block' }]);
    expect(run(callOf([], { temperature: 0.4, max_tokens: 4096, seed: 2147483647, logit_bias: { 50444: -4 }, stop_token_ids: [4] }), numbers).action).toBeUndefined();
    expect(run(callOf([], { vendor_extra: 4 }), numbers).action).toBe('block');
  });

  it('leaves every byte alone that no mask replaces', () => {
    const source = '[ {"role":"user" ,"content":"x \\u0061bc \\ud83d\\ude00\\/", "n": 1.50e3,"seed":12345678901234567890}, {"content":"\\u0041"}]';
    const outcome = run(callOf(source, { logit_bias: '{ "50256" : -100 }', seed: '12345678901234567890' }));
    expect(Buffer.from(outcome.call!.messages).toString()).toBe(source.replace('"x \\u0061bc \\ud83d\\ude00\\/"', `"x ${MASK} \u{1f600}/"`));
    expect(outcome.call!.fields.map(({ json }) => Buffer.from(json).toString())).toEqual(['{ "50256" : -100 }', '12345678901234567890']);
  });

  it.each<[string, unknown, Record<string, unknown>]>([
    ['a message', [{ role: 'user', content: 'so bad' }], {}],
    ['escaped arguments in a string', [{ role: 'assistant', tool_calls: [{ function: { arguments: '{"q":"\\u0062ad"}' } }] }], {}],
    ['the name of a tool that is offered', [], { tools: [{ type: 'function', function: { name: 'a_bad_name', parameters: {} } }] }],
    ['the name of a tool that was called', [{ role: 'assistant', tool_calls: [{ id: '1', type: 'function', function: { name: 'bad', arguments: '{}' } }] }], {}],
    ['text parts that say it together', [{ role: 'user', content: [{ type: 'text', text: 'xb' }, { type: 'text', text: 'a' }, { type: 'text', text: 'd' }] }], {}],
    ['the description of a tool', [], { tools: [{ function: { description: 'bad' } }] }],
    ['the name of a property', [], { tools: [{ function: { parameters: { properties: { bad: {} } } } }] }],
    ['a string to stop at', [], { stop: '"bad"' }],
    ['a name that holds the way to another place', [{ role: 'user', content: [{ type: 'image_url', 'image_url.url': 'bad' }] }], {}],
    ['such a name in a message', [{ role: 'user', 'content.*.type': 'bad' }], {}],
    ['such a name in a tool', [], { tools: [{ type: 'function', 'custom.format.type': 'bad' }] }],
    ['the id of a message', [{ role: 'user', id: 'bad' }], {}],
    ['the id of a call', [{ role: 'assistant', tool_calls: [{ id: 'bad', type: 'function' }] }], {}],
    ['the id that a result is for', [{ role: 'tool', tool_call_id: 'bad' }], {}],
    ['the format of a tool', [], { tools: [{ type: 'custom', custom: { name: 'f', format: { type: 'bad' } } }] }],
    ['a name in a message', [{ role: 'user', content: 'x', bad: 1 }], {}],
    ['a name in a tool', [], { tools: [{ type: 'function', function: { name: 'f', bad: true } }] }],
    ['a name beside a schema', [], { response_format: { type: 'json_schema', json_schema: { name: 'f', bad: null } } }],
    ['a role that stands there twice', '[{"role":"bad","role":"user","content":"x"}]', {}],
    ['the name of a field', [], { so_bad: true }],
  ])('blocks for %s', (_where, messages, fields) => {
    const outcome = run(callOf(messages, fields));
    expect(outcome).toMatchObject({ action: 'block', blockedBy: { id: 'rule-1', title: 'Title 1' } });
    expect(outcome.hits.all).toMatchObject([{ ruleId: 'rule-1' }]);
  });

  it('masks all of a call that it blocks, before the match and behind it, and lets the blocked words stand', () => {
    const messages = [{ role: 'system', content: 'abc' }, { role: 'user', content: 'abc, so bad, abc' }, { role: 'user', content: [{ type: 'text', text: 'abc ba' }, { type: 'text', text: 'd' }] }];
    const outcome = run(callOf(messages, { user: '"abc"' }));
    expect(outcome).toMatchObject({ action: 'block', blockedBy: { id: 'rule-1' } });
    expect(messagesOf(outcome)).toEqual([
      { role: 'system', content: MASK }, { role: 'user', content: `${MASK}, so bad, ${MASK}` }, { role: 'user', content: [{ type: 'text', text: `${MASK} ba` }, { type: 'text', text: 'd' }] },
    ]);
    expect(fieldOf(outcome, 'user')).toBe(MASK);
    expect(outcome.hits.all.map(({ ruleId }) => ruleId)).toEqual(['rule-0', 'rule-0', 'rule-1']);
    const plain = callOf([{ role: 'user', content: 'so bad' }]);
    expect(run(plain)).toMatchObject({ action: 'block', call: plain });
  });

  it('refuses what would be masked where it is cut between two text parts', () => {
    const parts = [{ type: 'text', text: 'xa' }, { type: 'image_url', image_url: { url: 'data:abc' } }, { type: 'text', text: 'bc' }];
    const outcome = run(callOf([{ role: 'user', content: parts }]));
    expect(outcome).toMatchObject({ action: 'block', blockedBy: { id: 'rule-0' } });
    expect(outcome.hits.all).toMatchObject([{ ruleId: 'rule-0' }]);
  });

  it('masks what stands whole in one text part, although the next goes on with it', async () => {
    const compiler = new AutomatonCompiler();
    const mail = compiler.policy(1n, [await compiler.compile([rule('mail', { kind: 'pii:email', patterns: [], action: 'mask' })])]);
    const outcome = (...texts: string[]) => run(callOf([{ role: 'user', content: texts.map((text) => ({ type: 'text', text })) }]), mail);
    const masked = outcome('Sender: jane.doe@example.com', 'Please answer.', 'Then jim@example.com', '.');
    expect([masked.action, messagesOf(masked)]).toMatchObject(['mask', [{ content: [{ text: 'Sender: j***@example.com' }, { text: 'Please answer.' }, { text: 'Then j***@example.com' }, { text: '.' }] }]]);
    expect(outcome('Sender: jane.doe@exam', 'ple.com')).toMatchObject({ action: 'block', blockedBy: { id: 'mail' } });
    expect(outcome('jim@example.com', ' and jane.doe@exam', 'ple.com')).toMatchObject({ action: 'block', blockedBy: { id: 'mail' } });
  });

  it('does not join the parts of different messages', () => {
    const part = (text: string): object => ({ role: 'user', content: [{ type: 'text', text }] });
    expect(run(callOf([part('ba'), part('d')])).action).toBeUndefined();
  });

  it('does not take arguments for clean because they are as plain text', () => {
    const said = '{"q":"\\u0062ad"}';
    expect(run(callOf([{ role: 'user', content: said }, { role: 'assistant', function_call: { arguments: said } }])).action).toBe('block');
  });

  it('looks once at short texts that come again, and counts every hit', () => {
    const outcome = run(callOf([{ content: 'fine' }, { content: 'hm' }, { content: 'fine' }, { content: 'hm' }]));
    expect(outcome.hits.all.map(({ index }) => index)).toEqual([1, 3]);
  });

  it('flags without a change', () => {
    const call = callOf([{ role: 'user', content: 'hm hm' }]);
    const outcome = run(call);
    expect(outcome).toMatchObject({ action: 'flag' });
    expect(outcome.call).toBe(call);
    expect(outcome.hits.count).toBe(2);
  });

  it('tells a hundred hits and counts all', () => {
    const outcome = run(callOf([{ role: 'user', content: 'hm '.repeat(250) }]));
    expect(outcome.hits.count).toBe(250);
    expect(outcome.hits.all).toHaveLength(100);
    expect(outcome.hits.all[99]).toMatchObject({ start: 297n, end: 299n });
  });

  it('masks whatever string it is given as a whole text would be', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c', '"', '\\', '\n', '\u{1f600}', 'hm'), { maxLength: 20 }).map((parts) => parts.join('')), (content) => {
        expect(messagesOf(run(callOf([{ role: 'user', content }])))).toEqual([{ role: 'user', content: policy.whole(content, 'in').text }]);
      }),
    );
  });

  it('looks at nothing when no rule looks at input', () => {
    const call = callOf([{ role: 'user', content: 'bad' }]);
    expect(run(call, new ScriptedPolicy([{ word: 'bad', action: 'block', direction: 'out' }]))).toMatchObject({ action: undefined, turns: 0 });
  });

  it('gives others their turn while it reads much', () => {
    const flags = new ScriptedPolicy([{ word: 'h', action: 'flag' }]);
    expect(run(callOf([{ role: 'user', content: 'x'.repeat(20 * STRETCH_UNITS) }]), flags).turns).toBeGreaterThanOrEqual(19);
    expect(run(callOf(Array.from({ length: 40 }, (_, index) => ({ content: `${index}${'x'.repeat(100)}` }))), flags).turns).toBeGreaterThanOrEqual(39);
    const parts = Array.from({ length: 4 }, () => ({ type: 'text', text: 'x'.repeat(10 * STRETCH_UNITS) }));
    expect(run(callOf([{ role: 'user', content: parts }]), flags).turns).toBeGreaterThanOrEqual(2 * 4 * 9);
  });

  it('refuses more strings than anybody sends', () => {
    const call = callOf([{ role: 'user', content: Array.from({ length: 70_000 }, () => 'x') }]);
    expect(() => run(call)).toThrow(expect.objectContaining({ code: 'invalid_value' }));
  });
});
