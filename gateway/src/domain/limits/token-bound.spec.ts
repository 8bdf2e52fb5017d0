import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Call } from '../call.ts';
import { chargedTokens, DEFAULT_OUTPUT_TOKENS, messagesTokens, tokenBound } from './token-bound.ts';

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

  it.each([
    ['a text file, by its bytes', { type: 'file', file: { filename: 'a.txt', file_data: `data:text/plain;base64,${'A'.repeat(1_200_000)}` } }, 900_000, 901_000],
    ['a file that is packed, as a whole window', { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AAAA' } }, 1_000_000, 1_100_000],
    ['a file of no known type, as a whole window', { type: 'file', file: { file_data: 'AAAA' } }, 1_000_000, 1_100_000],
    ['an address in place of a file, as a whole window', { type: 'file', file: { file_data: 'https://files.example/a.txt' } }, 1_000_000, 1_100_000],
    ['a file named beside data, as a whole window', { type: 'file', file: { file_id: 'file-1', file_data: 'data:text/plain;base64,AA' } }, 1_000_000, 1_100_000],
    ['an address in place of a sound, as a whole window', { type: 'input_audio', input_audio: { data: 'https://sounds.example/a.wav', format: 'wav' } }, 1_000_000, 1_100_000],
    ['a film, as a whole window', { type: 'video_url', video_url: { url: 'data:video/mp4;base64,AAAA' } }, 1_000_000, 1_100_000],
    ['a file that lies elsewhere, as a whole window', { type: 'file', file: { file_id: 'file-1' } }, 1_000_000, 1_100_000],
    ['a sound, by its bytes', { type: 'input_audio', input_audio: { data: 'A'.repeat(1_600_000), format: 'wav' } }, 75_000, 76_000],
    ['a film that lies elsewhere, as a whole window', { type: 'video_url', video_url: { url: 'https://films.example/a.mp4' } }, 1_000_000, 1_100_000],
    ['a picture, as the largest', { type: 'image_url', image_url: { url: 'https://pictures.example/a.png' } }, 49_000, 49_300],
  ])('sets money aside for %s, and charges limits with an estimate', (_what, part, least, most) => {
    const [{ inputTokens: media }, { inputTokens: without }] = [tokenBound(callOf([user([part, { type: 'text', text: 'hi' }])])), tokenBound(callOf([user([{ type: 'text', text: 'hi' }])]))];
    expect(media.most - without.most).toBeGreaterThanOrEqual(least);
    expect(media.most - without.most).toBeLessThanOrEqual(most);
    expect(media.charged - without.charged).toBeLessThan(4_200);
    expect(without.most).toBe(without.charged);
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
