import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Call } from '../call.ts';
import { chargedTokens, DEFAULT_OUTPUT_TOKENS, messagesTokens, tokenBound, type TokenBound } from './token-bound.ts';

const callOf = (messages: unknown, fields: Readonly<Record<string, unknown>> = {}, choices = 1): Call => ({
  model: 'm', stream: false, choices, messages: Buffer.from(JSON.stringify(messages)), fields: Object.entries(fields).map(([name, value]) => ({ name, json: Buffer.from(JSON.stringify(value)) })),
});
const user = (content: unknown): object => ({ role: 'user', content });
const inputOf = (...given: Parameters<typeof callOf>): number => tokenBound(callOf(...given)).inputTokens.charged;
/** Of a conversation in which nothing is said. */
const EMPTY = inputOf([user('')]);

describe('tokenBound', () => {
  it('takes the UTF-8 bytes of what is said, however it was written', () => {
    for (const [text, bytes] of [['hello', 5], ['é', 2], ['模型', 6], ['🙂', 4], ['a"\\\n', 4]] as const) expect(inputOf([user(text)]) - EMPTY).toBe(bytes);
    const escaped = { ...callOf([]), messages: Buffer.from('[{"role":"user","content":"\\u6a21\\ud83d\\ude42"}]') };
    expect(tokenBound(escaped).inputTokens.charged - EMPTY).toBe(7);
  });

  it('is never less than the bytes of all text and eight for each message, whatever its form', () => {
    const said = fc.oneof(fc.string({ unit: 'binary' }), fc.array(fc.record({ type: fc.constant('text'), text: fc.string() }), { minLength: 1, maxLength: 4 }));
    fc.assert(
      fc.property(fc.array(said, { minLength: 1, maxLength: 8 }), (contents) => {
        const bytes = contents.flatMap((content) => (typeof content === 'string' ? [content] : content.map(({ text }) => text))).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
        const bound = inputOf(contents.map(user));
        expect(bound).toBeGreaterThanOrEqual(bytes + 8 * contents.length);
        expect(bound).toBeLessThanOrEqual(bytes + 100 + 20 * contents.length);
      }),
    );
  });

  it('takes eight for each message beside what it says and who says it', () => {
    expect(inputOf([user('a'), user('b'), user('c')]) - inputOf([user('a')])).toBe(2 * (8 + 'user'.length + 1));
  });

  it('counts what a turn of the model says: calls of tools, refusals, names', () => {
    const turn = { role: 'assistant', content: null, refusal: 'no', tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"town":"Ulm"}' } }] };
    expect(inputOf([turn]) - EMPTY).toBeGreaterThanOrEqual('no'.length + 'weather'.length + '{"town":"Ulm"}'.length);
    expect(inputOf([{ ...user('hi'), name: 'x'.repeat(50) }]) - inputOf([user('hi')])).toBeGreaterThanOrEqual(50);
  });

  it('counts an image by its estimate, not by its bytes, and words beside it as words', () => {
    const image = (bytes: number): object => ({ type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(bytes)}` } });
    const text = { type: 'text', text: 'what is this' };
    expect(inputOf([user([text, image(1_000_000)])])).toBe(inputOf([user([text, image(10)])]));
    expect(inputOf([user([text, image(10)])]) - inputOf([user([text])])).toBeGreaterThan(1_000);
    expect(inputOf([user([text, image(10), image(10)])])).toBeGreaterThan(inputOf([user([text, image(10)])]));
  });

  it('sets money aside for what media may be, and charges limits with an estimate', () => {
    const bound = (url: string): TokenBound => tokenBound(callOf([user([{ type: 'image_url', image_url: { url } }])]));
    const [picture, unknown] = [bound('https://pictures.example/a.png').inputTokens, bound('x').inputTokens];
    expect([picture.most - picture.charged, unknown.most - unknown.charged]).toEqual([49_152 - 4_096, 1_048_576 - 4_096]);
  });

  it('takes all that may be anything for one window together', () => {
    const file = { type: 'file', file: { file_data: 'data:application/pdf;base64,AAAA' } };
    const most = (parts: number): number => tokenBound(callOf([user(Array<object>(parts).fill(file)), user([file])])).inputTokens.most;
    expect(most(4) - most(0)).toBeLessThan(1_000);
  });

  it('does not take words for an image because they say they are one', () => {
    const words = 'word '.repeat(10_000);
    expect(inputOf([{ ...user(words), type: 'image_url' }])).toBeGreaterThan(50_000);
    expect(inputOf([user([{ type: 'image_url', image_url: {}, text: words }])])).toBeGreaterThan(50_000);
    expect(inputOf([user([{ type: 'text', text: words, image_url: {} }])])).toBeGreaterThan(50_000);
  });

  it('counts what a template writes of tools and schemas', () => {
    const tools = [{ type: 'function', function: { name: 'weather', description: 'x'.repeat(500) } }];
    expect(inputOf([user('hi')], { tools }) - inputOf([user('hi')])).toBeGreaterThan(1_000);
    expect(inputOf([user('hi')], { documents: [{ text: 'x'.repeat(500) }] }) - inputOf([user('hi')])).toBeGreaterThan(500);
    expect(inputOf([user('hi')], { user: 'x'.repeat(500), metadata: { a: 'b' } })).toBe(inputOf([user('hi')]));
  });

  it('is the same for messages that were parsed before', () => {
    const messages = [user('hi'), user('你好'), { role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }, { type: 'text', text: 'y' }] }];
    expect(tokenBound(callOf(messages), messagesTokens(messages))).toEqual(tokenBound(callOf(messages)));
  });

  it('bounds the output by what was asked for, for each choice; by either name', () => {
    expect(tokenBound(callOf([user('hi')])).outputTokens).toBeUndefined();
    for (const name of ['max_tokens', 'max_completion_tokens']) expect(tokenBound(callOf([user('hi')], { [name]: 100 }, 3)).outputTokens).toBe(300n);
  });

  it('is what limits are charged, with an output that was not bounded by a default', () => {
    const bounded = tokenBound(callOf([user('hi')], { max_tokens: 10 }, 2));
    expect(chargedTokens(bounded, 2)).toBe(bounded.inputTokens.charged + 20);
    expect(chargedTokens({ inputTokens: { charged: 5, most: 9 }, outputTokens: undefined }, 2)).toBe(5 + 2 * DEFAULT_OUTPUT_TOKENS);
  });
});
