import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { ChatCallSchema, Channel, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import fc from 'fast-check';
import { Hits } from './hits.ts';
import { filterInput } from './input-filter.ts';
import { jsonLiterals, type JsonPlace } from './json-literals.ts';
import { OutputFilter } from './output-filter.ts';
import { delta, finished, started, usage } from './testing/events.ts';
import { finish } from './testing/finish.ts';
import { ScriptedPolicy } from './testing/scripted-policy.ts';

/** The laws of the filter over all places: what a rule looks for may stand anywhere, and passes nowhere. */
const WORD = 'blue bird';
const CARD = '4111111111111111';
const policyOf = (action: 'block' | 'mask'): ScriptedPolicy => new ScriptedPolicy([{ word: WORD, action }, { word: CARD, action }]);

/** Every place that the API has, each with a value of its own. */
const CALL: Readonly<Record<string, unknown>> = {
  messages: [
    { role: 'system', content: 'be kind', name: 'house' },
    { role: 'user', id: 'm1', content: [{ type: 'text', text: 'see' }, { type: 'image_url', id: 'p', image_url: { url: 'https://example.org/a.png', detail: 'low' } }, { type: 'video_url', video_url: { url: 'data:video/mp4;base64,AAAA' } }, { type: 'audio_url', audio_url: { url: 'https://example.org' } }, { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }, { type: 'file', file: { filename: 'a.pdf', file_data: 'AAAA', file_id: 'f1' } }] },
    { role: 'assistant', content: null, refusal: 'no', reasoning_content: 'hm', reasoning: 'hm', audio: { id: 'a1' }, tool_calls: [{ id: 'c1', index: 0, type: 'function', function: { name: 'f', arguments: '{"q":[1]}' } }, { id: 'c2', type: 'custom', custom: { name: 'g', input: 'x' } }], function_call: { name: 'f', arguments: '{}' } },
    { role: 'tool', tool_call_id: 'c1', content: '{"found":7}', cache_control: { type: 'ephemeral' } },
  ],
  tools: [{ type: 'function', function: { name: 'f', description: 'd', strict: true, parameters: { type: 'object', properties: { city: { type: ['string', 'null'], default: 3, maxLength: 9 } }, required: ['city'] } } }, { type: 'custom', custom: { name: 'g', description: 'd', format: { type: 'grammar', grammar: { syntax: 'lark', definition: 's: "a"' } } } }],
  tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [{ type: 'function', function: { name: 'f' } }] }, function: { name: 'f' } },
  functions: [{ name: 'f', description: 'd', parameters: { type: 'object' } }],
  function_call: { name: 'f' },
  response_format: { type: 'json_schema', json_schema: { name: 's', description: 'd', schema: { $defs: { a: { const: 'x' } } } } },
  prediction: { type: 'content', content: [{ type: 'text', text: 'x' }] },
  modalities: ['text', 'audio'],
  audio: { voice: 'alloy', format: 'wav' },
  reasoning_effort: 'low',
  service_tier: 'auto',
  prompt_cache_retention: '24h',
  stream_options: { include_usage: true },
  web_search_options: { user_location: { type: 'approximate', approximate: { city: 'Paris' } } },
  logit_bias: { 50256: -100 },
  stop_token_ids: [1, 2],
  temperature: 0.5,
  seed: 42,
  stop: ['x'],
  user: 'u',
  metadata: { k: 'v' },
  guided_json: { type: 'object' },
  chat_template_kwargs: { thinking: true, depth: 2 },
  documents: [{ title: 't', text: 'x' }],
};

/** A place as it is written for readers. */
class Trail implements JsonPlace<Trail> {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  member(name: string): Trail {
    return new Trail(`${this.text}.${name}`);
  }

  get elements(): Trail {
    return new Trail(`${this.text}.*`);
  }
}

interface Edit {
  readonly field: string;
  readonly source: string;
  readonly at: string;
}

/** The source of each field with one name, string or number of it changed for what is looked for, or with a member put into an object of it. */
function editsOf(call: Readonly<Record<string, unknown>>, names: readonly string[]): Edit[] {
  return Object.entries(call).flatMap(([field, value]) => {
    const source = JSON.stringify(value);
    const put = (start: number, end: number, text: string): Edit => ({ field, at: `${source.slice(0, start)}>>`, source: source.slice(0, start) + text + source.slice(end) });
    const literals = [...jsonLiterals(source, new Trail(field))];
    const changed = literals.flatMap(({ kind, start, end }) => {
      const texts = kind === 'name' ? [`"a ${WORD}!"`, `"\\u0062${WORD.slice(1)}"`, `"${CARD}"`] : [`"a ${WORD}!"`, `"\\u0062${WORD.slice(1)}"`, `{"x":"${WORD}"}`, `[["${WORD}"]]`, `{"${WORD}":null}`, CARD, `${CARD}.0`, `[${CARD.slice(0, 1)}.${CARD.slice(1)}e15]`];
      return texts.map((text) => put(start, end, text));
    });
    const firsts = literals.filter(({ kind, start }) => kind === 'name' && source[start - 1] === '{');
    const members = firsts.flatMap(({ start }) => names.flatMap((name) => [`"a ${WORD}!"`, CARD, `{"type":"${WORD}"}`].map((text) => put(start, start, `${JSON.stringify(name)}:${text},`))));
    return [...changed, ...members];
  });
}

function verdictOn(call: Readonly<Record<string, unknown>>, edit: Pick<Edit, 'field' | 'source'>, policy: ScriptedPolicy): { action: string | undefined; left: string } {
  const sources = { ...Object.fromEntries(Object.entries(call).map(([name, value]) => [name, JSON.stringify(value)])), [edit.field]: edit.source };
  const { messages = '[]', ...fields } = sources;
  const given = create(ChatCallSchema, { model: 'm', choices: 1, messages: Buffer.from(messages), fields: Object.entries(fields).map(([name, json]) => ({ name, json: Buffer.from(json) })) });
  const { action, call: left } = finish(filterInput(given, policy, new Hits(policy, 'org', () => new Uint8Array(1))));
  return { action, left: [left!.messages, ...left!.fields.map(({ json }) => json)].map((bytes) => Buffer.from(bytes).toString()).join('\n') };
}

const holds = (text: string): boolean => text.replaceAll('\\u0062', 'b').includes(WORD) || text.includes(CARD);

/** Objects of any form, whose strings are without what is looked for. */
const plain = fc.jsonValue({ maxDepth: 4 }).filter((value) => !holds(JSON.stringify(value)));
const NAMES = ['role', 'type', 'id', 'content', 'data', 'url', '*', '', 'content.*.type', 'custom.format.type', 'image_url.url', 'a.b', '__proto__', 'constructor', 'toString'];

describe('a call', () => {
  it('is clean as it stands', () => {
    for (const action of ['block', 'mask'] as const) expect(verdictOn(CALL, { field: 'user', source: '"u"' }, policyOf(action)).action).toBeUndefined();
  });

  it('is refused for what stands at any place of the API, in any form, also where the name of its place is twice in an object or holds dots', () => {
    const edits = editsOf(CALL, NAMES);
    expect(edits.length).toBeGreaterThan(3000);
    expect(edits.filter((edit) => verdictOn({ [edit.field]: 0 }, edit, policyOf('block')).action !== 'block').map(({ field, at, source }) => [field, at, source])).toEqual([]);
  });

  it('is refused or masked where a rule masks, and nothing stands there any more', () => {
    const passed = editsOf(CALL, ['x', 'type']).filter((edit) => {
      const { action, left } = verdictOn({ [edit.field]: 0 }, edit, policyOf('mask'));
      return action !== 'block' && (action !== 'mask' || holds(left));
    });
    expect(passed.map(({ field, at, source }) => [field, at, source])).toEqual([]);
  });

  it('is refused for what stands anywhere in what nobody knows', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom('messages', 'tools', 'vendor_extra', 'metadata', 'guided_json', 'response_format', 'tool_choice', 'logit_bias'), plain, { minKeys: 1 }), fc.nat(), (call, pick) => {
        const edits = editsOf(call, ['x', 'role']);
        if (edits.length === 0) return;
        const edit = edits[pick % edits.length]!;
        expect(verdictOn(call, edit, policyOf('block')).action).toBe('block');
      }),
      { numRuns: 250 },
    );
  });

  it('passes with addresses and data of media at their places alone', () => {
    const passing = (text: string): string[] =>
      Object.entries(CALL).flatMap(([field, value]) => {
        const source = JSON.stringify(value);
        return [...jsonLiterals(source, new Trail(field))].flatMap(({ kind, start, end, place }) => {
          const edit = { field, source: `${source.slice(0, start)}"${text}"${source.slice(end)}` };
          const isRefused = kind === 'name' || verdictOn({ [field]: 0 }, edit, new ScriptedPolicy([{ word: 'bird', action: 'block' }])).action === 'block';
          return isRefused ? [] : [place.text.replace('messages.*.content.*.', '')];
        });
      });
    expect(passing('https://example.org/bird')).toEqual(['image_url.url', 'video_url.url', 'audio_url.url']);
    expect(passing('data:image/png;base64,bird')).toEqual(['image_url.url', 'video_url.url', 'audio_url.url', 'input_audio.data', 'file.file_data']);
    expect(passing('bird')).toEqual(['input_audio.data', 'file.file_data']);
  });
});

const LOGPROBS = { content: [{ token: 'see', logprob: -0.5, bytes: [115, 101, 101], top_logprobs: [{ token: 'it', logprob: -2, bytes: null }] }], refusal: null, note: { deep: ['x', 1] } };
const EXTRA = { annotations: [{ type: 'url_citation', url_citation: { url: '/y', title: 't', start_index: 0 } }], audio: { id: 'a1', data: 'AAAA', transcript: 'hm', expires_at: 1 }, call: { arguments: { city: 'Paris', n: [7] } } };
const USAGE = { prompt_tokens: 3, note: { by: 'x', n: [1] } };

/** The events of an answer in which one text is changed. */
function answerWith(change: { readonly part: string; readonly text: string }): ChatEvent[] {
  const { part, text } = change;
  const json = (name: string, value: unknown): Uint8Array => Buffer.from(part === name ? text : JSON.stringify(value));
  const withJson = (event: ChatEvent, member: 'logprobsJson' | 'extraJson', bytes: Uint8Array): ChatEvent => ({ ...event, event: { case: 'delta', value: { ...(event.event.value as never as object), [member]: bytes } as never } });
  const plainText = (name: string, value: string): string => (part === name ? text : value);
  const tool = { index: 0, type: 'function', id: plainText('tool id', 'c1'), name: plainText('tool name', 'f') };
  return [
    started({ systemFingerprint: plainText('fingerprint', 'fp_1'), serviceTier: plainText('tier', 'default') }),
    withJson(delta(plainText('content', 'see')), 'logprobsJson', json('logprobs', LOGPROBS)),
    withJson(delta(''), 'extraJson', json('extra', EXTRA)),
    delta(plainText('reasoning', 'hm'), { channel: Channel.REASONING }),
    delta(plainText('arguments', '{"city":"Paris"}'), { channel: Channel.TOOL_ARGUMENTS, tool }),
    delta('x', { channel: Channel.FUNCTION_ARGUMENTS, tool: { index: 0, name: plainText('function name', 'g') } }),
    finished(),
    usage(Buffer.from(json('usage', USAGE)).toString()),
  ];
}

function leftOf(events: readonly ChatEvent[], policy: ScriptedPolicy): string {
  const output = new OutputFilter(policy, 1, new Hits(policy, 'org', () => new Uint8Array(1)));
  const left = events.flatMap((event, index) => finish(output.filter([event], index === events.length - 1)));
  const readable = (value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value instanceof Uint8Array ? Buffer.from(value).toString() : value);
  return left.map(({ event }) => JSON.stringify(Object.entries(event.value ?? {}).map(([name, value]) => [name, readable(value)]))).join('\n').replaceAll('\\\\', '\\');
}

const OUTPUT_JSON = { logprobs: LOGPROBS, extra: EXTRA, usage: USAGE };
const PLAIN = ['fingerprint', 'tier', 'content', 'reasoning', 'arguments', 'tool id', 'tool name', 'function name'].map((part) => ({ part, text: `a ${WORD}!` }));

describe('an answer', () => {
  it('leaves as it came when it is clean', () => {
    expect(leftOf(answerWith({ part: '', text: '' }), policyOf('block'))).toContain('url_citation');
  });

  it('lets nothing of what is blocked or masked out, at whatever place of an event it stands', () => {
    const changes = [...PLAIN, ...editsOf(OUTPUT_JSON, NAMES).map(({ field, source }) => ({ part: field, text: source }))];
    expect(changes.length).toBeGreaterThan(800);
    for (const action of ['block', 'mask'] as const) expect(changes.filter((change) => holds(leftOf(answerWith(change), policyOf(action))))).toEqual([]);
  });

  it('lets nothing out of objects that nobody knows', () => {
    fc.assert(
      fc.property(fc.constantFrom('logprobs', 'extra', 'usage'), fc.dictionary(fc.string(), plain, { minKeys: 1 }), fc.nat(), fc.constantFrom('block' as const, 'mask' as const), (part, value, pick, action) => {
        const edits = editsOf({ [part]: value }, ['x', 'audio']);
        const { source } = edits[pick % edits.length]!;
        expect(holds(leftOf(answerWith({ part, text: source }), policyOf(action)))).toBe(false);
      }),
      { numRuns: 250 },
    );
  });
});
