import { beforeAll, describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { Channel, ChatCallSchema } from '@sluice/proto/chat/v1/chat';
import fc from 'fast-check';
import { AutomatonCompiler } from '../../adapters/automaton-compiler.ts';
import { rule } from '../../testing/rules.ts';
import type { Rule } from '../rule.ts';
import { Hits } from './hits.ts';
import { filterInput } from './input-filter.ts';
import { jsonTextOf } from './json-bytes.ts';
import type { Policy } from './policy.ts';
import { finish } from './testing/finish.ts';
import { lookAt } from './whole-text.ts';

type Init = Partial<Rule>;
const words = (...patterns: string[]): Init => ({ patterns, action: 'mask' });
const regex = (pattern: string): Init => ({ kind: 'regex', patterns: [pattern], action: 'mask' });
const pii = (kind: Rule['kind']): Init => ({ kind, patterns: [], action: 'mask' });

async function policyOf(...rules: readonly Init[]): Promise<Policy> {
  const compiler = new AutomatonCompiler();
  return compiler.policy(1n, [await compiler.compile(rules.map((init, index) => rule(`r${index}`, init)))]);
}

/** What the model gets of each part; undefined when the call is refused. */
function passed(policy: Policy, parts: readonly string[]): string[] | undefined {
  const { action, texts } = filtered(policy, parts);
  return action === 'block' ? undefined : texts;
}

function filtered(policy: Policy, parts: readonly string[]): { action: string | undefined; texts: string[] } {
  const messages = [{ role: 'user', content: parts.map((text) => ({ type: 'text', text })) }];
  const call = create(ChatCallSchema, { messages: Buffer.from(JSON.stringify(messages)), choices: 1 });
  const { action, call: left } = finish(filterInput(call, policy, new Hits(policy, 'org', () => new Uint8Array(1))));
  const [message] = JSON.parse(jsonTextOf(left!.messages)) as typeof messages;
  return { action, texts: message!.content.map(({ text }) => text) };
}

/** Every way to cut a text in two and in three. */
function* cuts(text: string): Generator<string[]> {
  for (let first = 0; first <= text.length; first++) {
    yield [text.slice(0, first), text.slice(first)];
    for (let second = first + 1; second < text.length; second++) yield [text.slice(0, first), text.slice(first, second), text.slice(second)];
  }
}

describe('a rule that masks, where a text is cut in parts', () => {
  it.each<[Init, string[]]>([
    [regex('sk-[a-z0-9]+'), ['my key is sk-a', '1b2c3d4e5f6g7h8 ok']],
    [regex('password: [^ ]+'), ['password: h', 'unter2-and-more']],
    [words('project', 'project nightingale'), ['the project', ' nightingale is late']],
    [words('北京', '北京计划'), ['关于北京', '计划的']],
    [pii('pii:phone'), ['+49 30 12345', '67890 call']],
    [pii('pii:phone'), ['call +49 30 123456', '78 call']],
    [pii('pii:iban'), ['DE89 3704 0044 ', '0532 0130 00']],
    [pii('pii:email'), ['jane.d', 'oe@example.com']],
    [pii('pii:email'), ['jane.', 'doe@example.com']],
    [pii('pii:email'), ['jane', 'doe@example.com']],
    [pii('pii:email'), ['jane.doe@exam', 'ple.com']],
    // The match is whole in the second part; what makes it one is not.
    [pii('pii:phone'), ['my phone: ', '785 8949']],
    [pii('pii:phone'), ['my pho', 'ne: 785 8949']],
    [regex('key [a-z]+'), ['key', ' ', 'abc']],
    // These may be two things, or one that is cut: its end would be seen.
    [pii('pii:ip'), ['server at 192.168.1.1', '10 items failed']],
    [pii('pii:ip'), ['at fe80::1', 'a house']],
    [pii('pii:phone'), ['call +49 30 1234567', '8 people']],
    [pii('pii:phone'), ['call me at 212-555-0123', '5 times']],
    // A word only because the message ends with it.
    [words('nightingale'), ['a night', 'ingale']],
  ])('refuses %j in %j', async (init, parts) => {
    const policy = await policyOf(init);
    expect(passed(policy, [parts.join('')])).not.toEqual([parts.join('')]);
    expect(passed(policy, parts)).toBeUndefined();
  });

  it.each<[Init, string[], string[]]>([
    [pii('pii:email'), ['Sender: jane.doe@example.com', 'Please answer.'], ['Sender: j***@example.com', 'Please answer.']],
    [pii('pii:email'), ['jane@example.com', 'or ', 'jim@example.com', '.'], ['j***@example.com', 'or ', 'j***@example.com', '.']],
    [regex('a+'), ['xaa', 'aax'], ['x**', '**x']],
    [pii('pii:phone'), ['call 13812345678', ' or 13912345678'], ['call 138****5678', ' or 139****5678']],
    // Of the text as a whole the number would be a shorter one.
    [pii('pii:phone'), ['you can call 032 696 10 69', 'His'], ['you can call 03* *** 10 69', 'His']],
    [words('project', 'project nightingale', ' nightingale'), ['the project', ' or ', 'nightingale'], ['the *******', ' or ', '***********']],
  ])('masks %j in %j', async (init, parts, left) => {
    expect(passed(await policyOf(init), parts)).toEqual(left);
  });

  it.each([
    ['a text in a part that is an image', '{"type":"text","text":"my sk-a1"},{"type":"image_url","image_url":{"url":"https://example.org/"},"text":" -- "},{"type":"text","text":"b2c3"}'],
    ['the same, said before its type', '{"type":"text","text":"my sk-"},{"text":" -- ","image_url":{"url":"https://example.org/"},"type":"image_url"},{"type":"text","text":"b2c3"}'],
    ['a text that stands twice in its part', '{"type":"text","text":"my sk-"},{"type":"text","text":" -- ","text":"b2c3"}'],
    ['a refusal in a text', '{"type":"text","text":"my sk-","refusal":" -- "},{"type":"text","text":"b2c3"}'],
    ['nothing, where a refusal goes on', '{"type":"text","text":"my sk-"},{"type":"refusal","refusal":"b2c3"}'],
    ['a refusal between two texts', '{"type":"text","text":"my sk-"},{"type":"refusal","refusal":"x y z"},{"type":"text","text":"b2c3"}'],
    ['a type that stands twice', '{"type":"text","text":"my sk-"},{"type":"text","text":" -- ","type":"image_url"},{"type":"text","text":"b2c3"}'],
  ])('refuses what is cut with this between it, which no model reads: %s', async (_what, content) => {
    const policy = await policyOf(regex('sk-[a-z0-9]{2,}'), words('skb2c3'));
    const verdict = (messages: string) => finish(filterInput(create(ChatCallSchema, { messages: Buffer.from(messages), choices: 1 }), policy, new Hits(policy, 'org', () => new Uint8Array(1))));
    // The word is one because its message ends.
    expect(verdict(`[{"role":"user","content":[${content.replace(/sk-(a1)?/, 'sk')}]}]`).action).toBe('block');
    for (const messages of [`[{"role":"user","content":[${content}]}]`, `[{"role":"user","content":[${content}]},{"role":"user","content":[{"type":"text","text":"and"}]}]`]) {
      const { action, call } = verdict(messages);
      expect(action).toBe('block');
      expect(jsonTextOf(call!.messages)).not.toMatch(/b2c3|sk-/);
    }
    expect(verdict(`[{"role":"user","content":[${content.replace('b2c3', '. b')}]}]`).action).not.toBe('block');
  });

  describe.each([false, true])('where names stand twice in a message', (isMasked) => {
    const texts = (...parts: string[]): string => JSON.stringify(parts.map((text) => ({ type: 'text', text })));
    const [cut, whole] = isMasked ? ['sk-,a1b2', 'sk-a1b2'] : ['bad,ger', 'badger'];
    const [first, second] = cut.split(',') as [string, string];
    const verdict = async (message: string) => {
      const policy = await policyOf(isMasked ? regex('\\bsk-[a-z0-9]{2,}') : { patterns: ['badger'] });
      return finish(filterInput(create(ChatCallSchema, { messages: Buffer.from(`[{"role":"user",${message}},{"role":"user","content":"and"}]`), choices: 1 }), policy, new Hits(policy, 'org', () => new Uint8Array(1))));
    };

    it.each([
      ['a list behind another', `"content":${texts('x')},"content":${texts(first, second)}`],
      ['a list before another', `"content":${texts(first, second)},"content":${texts('x')}`],
      ['a list between two', `"content":${texts('x')},"content":${texts(first, second)},"content":${texts('x', 'y')}`],
      ['a list behind a string', `"content":"x","content":${texts(first, second)}`],
      ['a list before a string', `"content":${texts(first, second)},"content":"x"`],
      ['a list whose parts have a text twice, behind another', `"content":${texts('x')},"content":[{"type":"text","text":"${first}"},{"type":"text","text":"x","text":"${second}"}]`],
      ['a list with a refusal, behind another', `"content":${texts('x')},"content":[{"type":"text","text":"${first}"},{"type":"refusal","refusal":"x y"},{"type":"text","text":"${second}"}]`],
      ['a list whose parts have a type twice, behind another', `"content":${texts('x')},"content":[{"type":"text","text":"${first}"},{"type":"text","text":" x","type":"image_url"},{"type":"text","text":"${second}"}]`],
    ])(`refuses what is cut in ${isMasked ? 'parts that are masked' : 'parts'}: %s`, async (_what, message) => {
      const { action, call } = await verdict(message);
      expect(action).toBe('block');
      if (isMasked) expect(jsonTextOf(call!.messages)).not.toMatch(/sk-|a1b2/);
    });

    it('looks at each string by itself, and joins none of them', async () => {
      for (const message of [`"content":"x","content":"${whole}"`, `"content":"${whole}","content":"x"`]) expect((await verdict(message)).action).toBe(isMasked ? 'mask' : 'block');
      for (const message of [`"content":"${first}","content":"${second}"`, `"content":"${first}","content":${texts(second)}`, `"content":${texts('fine', 'x')},"content":${texts('x', 'fine')}`]) expect((await verdict(message)).action).toBeUndefined();
    });
  });

  it('finds nothing that only a line feed between parts would make a match, but words that have a space', async () => {
    const policy = await policyOf(pii('pii:phone'), words('project nightingale'));
    expect(passed(policy, ['tel', '785 8949'])).toEqual(['tel', '785 8949']);
    expect(passed(policy, ['tel\n785 8949'])).toEqual(['tel\n*** **49']);
    expect(passed(policy, ['the project', 'nightingale is'])).toBeUndefined();
  });

  it('is on record of no blocked call with what it would have hidden in the text as a whole', async () => {
    const policy = await policyOf(pii('pii:credit_card'), { patterns: ['badger'] });
    const refused = filtered(policy, ['my card 4111 1111 ', '1111 1111, and a badger']);
    expect(refused).toEqual({ action: 'block', texts: ['*'.repeat(18), '*'.repeat(23)] });
    expect(filtered(policy, ['a badger, ', 'and my card 4111 1111 1111 1111', '.'])).toEqual({ action: 'block', texts: ['a badger, ', 'and my card **** **** **** 1111', '.'] });
    expect(filtered(policy, ['a bad', 'ger'])).toEqual({ action: 'block', texts: ['a bad', 'ger'] });
  });

  it('hides parts of the message that is cut alone, not those that are of another field', async () => {
    const policy = await policyOf(pii('pii:credit_card'));
    const texts = (...parts: string[]): object[] => parts.map((text) => ({ type: 'text', text }));
    const prediction = Buffer.from(JSON.stringify({ type: 'content', content: texts('fine, ', 'too') }));
    const messages = Buffer.from(JSON.stringify([{ role: 'user', content: texts('4111 1111 ', '1111 1111') }, { role: 'user', content: texts('as ', 'well') }]));
    const { call } = finish(filterInput(create(ChatCallSchema, { messages, choices: 1, fields: [{ name: 'prediction', json: prediction }] }), policy, new Hits(policy, 'org', () => new Uint8Array(1))));
    expect(jsonTextOf(call!.messages)).toBe(JSON.stringify([{ role: 'user', content: texts('*'.repeat(10), '*'.repeat(9)) }, { role: 'user', content: texts('as ', 'well') }]));
    expect(call!.fields[0]!.json).toEqual(prediction);
  });

  it('refuses what is cut in the parts of a prediction, too, and hides them alone', async () => {
    const policy = await policyOf(pii('pii:credit_card'), { patterns: ['badger'] });
    const texts = (...parts: string[]): object[] => parts.map((text) => ({ type: 'text', text }));
    const through = (said: object[], predicted: object[]) => {
      const hits = new Hits(policy, 'org', () => new Uint8Array(1));
      const [messages, json] = [[{ role: 'user', content: said }], { type: 'content', content: predicted }].map((value) => Buffer.from(JSON.stringify(value))) as [Buffer, Buffer];
      const { action, call } = finish(filterInput(create(ChatCallSchema, { messages, choices: 1, fields: [{ name: 'prediction', json }] }), policy, hits));
      return { action, left: [JSON.parse(jsonTextOf(call!.messages))[0].content, JSON.parse(jsonTextOf(call!.fields[0]!.json)).content] as unknown, hits: hits.all.map(({ channel, index }) => [channel, index]) };
    };
    const said = texts('4111 ', 'fine');
    expect(through(said, texts('a bad', 'ger'))).toEqual({ action: 'block', left: [said, texts('a bad', 'ger')], hits: [[Channel.UNSPECIFIED, 0]] });
    expect(through(said, texts('4111 1111 ', '1111 1111'))).toEqual({ action: 'block', left: [said, texts('*'.repeat(10), '*'.repeat(9))], hits: [[Channel.UNSPECIFIED, 0]] });
    // Neither is joined with the other.
    expect(through(texts('x', '4111 1111 '), texts('1111 1111', '.'))).toMatchObject({ action: undefined, hits: [] });
  });

  it.each([
    ['parts under another name, twice', '"content":"x","parts":[{"type":"text","text":"bad"}],"parts":[{"type":"text","text":"ger"}]'],
    ['a content inside a part', '"content":[{"type":"text","text":"x","content":[{"type":"text","text":"bad"},{"type":"text","text":"ger"}]}]'],
    ['a text that is a list', '"content":[{"type":"text","text":["bad","ger"]}]'],
    ['the content of two messages', '"content":[{"type":"text","text":"bad"}]},{"role":"user","content":[{"type":"text","text":"ger"}]'],
  ])('joins the parts of a content alone, and looks at all else by itself: %s', async (_what, message) => {
    const policy = await policyOf({ patterns: ['badger'] });
    const actionOf = (said: string) => finish(filterInput(create(ChatCallSchema, { messages: Buffer.from(`[{"role":"user",${said}}]`), choices: 1 }), policy, new Hits(policy, 'org', () => new Uint8Array(1)))).action;
    expect(actionOf(message)).toBeUndefined();
    expect(actionOf(message.replace('"ger"', '"badger"'))).toBe('block');
  });

  it('does not forget what it found in the part before', async () => {
    const policy = await policyOf(regex('ab+c'));
    const call = (...contents: unknown[]) => create(ChatCallSchema, { messages: Buffer.from(JSON.stringify(contents.map((content) => ({ role: 'user', content })))), choices: 1 });
    const texts = (...parts: string[]): object[] => parts.map((text) => ({ type: 'text', text }));
    // The second part was seen before, and is clean: it has none of the matches of the first.
    const { action } = finish(filterInput(call('ab', texts('abc', 'ab', 'c')), policy, new Hits(policy, 'org', () => new Uint8Array(1))));
    expect(action).toBe('block');
  });
});

/** Masks that keep the length of what they hide, so that every character of it is told by its place. */
const LENGTH_KEEPING: readonly Init[] = [
  words('project', 'project nightingale', '北京', '北京计划', 'fuck', 'abcd', 'cdef'), regex('sk-[a-z0-9]+'), regex('password: [^ ]+'), regex('x.*y'),
  pii('pii:phone'), pii('pii:credit_card'), pii('pii:bank_card'), pii('pii:iban'), pii('pii:cn_id'), pii('pii:uscc'),
];
const TEXTS = [
  'my key is sk-a1b2c3d4 ok', 'my password: hunter2 ok', 'the project nightingale is', '关于北京计划的', 'f u c k it', 'so fuuuck', 'so abcd, cdef', 'call +49 30 12345678 x', '13812345678 or 8',
  'tel: 785 8949 x', '(010) 62345678', '4111 1111 1111 1111 1', 'DE89 3704 0044 0532 0130 00', 'id 11010519491231002X.', '91350100M000100Y43', '①3812345678', '4111111111111111①', 'x 13812345678 y',
];

describe('whatever is cut', () => {
  let policy: Policy;
  let addresses: Policy;
  beforeAll(async () => {
    policy = await policyOf(...LENGTH_KEEPING);
    addresses = await policyOf(pii('pii:email'), pii('pii:ip'));
  });

  /** Where the parts have numbers by themselves, which are masked in their own form. */
  function ownNumbers(parts: readonly string[]): Set<number> {
    const places = new Set<number>();
    let from = 0;
    for (const part of parts) {
      for (const { rule: number, start, end } of finish(lookAt(policy.open('in'), part)).matches) {
        if (policy.rule(number).kind.startsWith('pii:')) for (let at = start; at < end; at++) places.add(from + at);
      }
      from += part.length;
    }
    return places;
  }

  /** The call is refused, or nothing is to be seen of what the mask of the whole text hides, but in the form of a number that stands whole in a part. Returns whether it passed. */
  function expectHidden(text: string, parts: readonly string[]): boolean {
    const [whole] = passed(policy, [text])!;
    const left = passed(policy, parts)?.join('');
    expect(whole).toHaveLength(text.length);
    const own = ownNumbers(parts);
    const shown = left === undefined ? [] : [...text].filter((_, at) => whole![at] === '*' && text[at] !== '*' && left[at] !== '*' && !own.has(at));
    expect({ parts, left, shown }).toEqual({ parts, left, shown: [] });
    return left !== undefined;
  }

  it.each(TEXTS)('in two and in three: %s', (text) => {
    expect(passed(policy, [text])![0]).toContain('**');
    let passes = 0;
    for (const parts of cuts(text)) if (expectHidden(text, parts)) passes++;
    expect(passes).toBeGreaterThan(0);
  });

  it.each<[string, string]>([['to qwz.kv@example.com, she', 'wz.kv'], ['qwz@mail.example.com', 'wz'], ['at 192.168.34.57 now', '3457'], ['at fe80::34:57', '3457']])('in two and in three: %s', (text, hidden) => {
    for (const parts of cuts(text)) {
      const left = passed(addresses, parts)?.join('') ?? '';
      expect({ parts, left, shown: [...hidden].filter((character) => character !== '.' && left.includes(character)) }).toEqual({ parts, left, shown: [] });
    }
    expect(passed(addresses, [text])![0]).not.toBe(text);
  });

  it('at random', () => {
    const fragments = fc.constantFrom(...TEXTS, ...TEXTS, 'project', ' nightingale', '北京', '计划', 'sk-', 'abc', 'd', 'ab', 'cdef', 'x', 'y', 'password: ', '138', '12345678', '4111 1111', ' 1111 1111', 'phone ', '785 8949', ' ', '-', '1', '①', '.', 'fu', 'ck', '(');
    fc.assert(fc.property(fc.array(fragments, { maxLength: 6 }), fc.array(fc.nat(200), { minLength: 1, maxLength: 4 }), (some, places) => {
      const text = some.join('');
      const borders = [0, ...places.map((place) => place % (text.length + 1)).sort((left, right) => left - right), text.length];
      expectHidden(text, borders.slice(1).map((border, index) => text.slice(borders[index], border)));
    }), { numRuns: 1_000 });
  });
});
