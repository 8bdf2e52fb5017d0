import { describe, expect, it } from '@jest/globals';
import { askedBytes, estimateTokens } from './estimate.ts';

describe('the estimate of tokens', () => {
  it('is a token for each four bytes begun', () => {
    expect([0, 1, 4, 5, 9].map(estimateTokens)).toEqual([0n, 1n, 1n, 2n, 3n]);
  });

  it('counts with the messages what a model reads beside them, and nothing of how it is to answer', () => {
    const field = (name: string, json: string) => ({ name, json: Buffer.from(json) });
    const driven = [field('temperature', '0.25'), field('max_tokens', '64'), field('stream_options', '{"include_usage":true}'), field('stop', '["a"]'), field('user', '"u"'), field('seed', '7')];
    const messages = Buffer.from('[{"role":"u","content":"twelve"}]');
    expect([[], driven, [field('tools', '[{}]')], [field('response_format', '{}'), ...driven]].map((fields) => askedBytes({ messages, fields }))).toEqual([7, 7, 11, 9]);
  });

  it('counts what is said, not how it is written, and media by what they take', () => {
    const bytesOf = (messages: string): number => askedBytes({ messages: Buffer.from(messages), fields: [] });
    const image = (bytes: number): string => JSON.stringify([{ role: 'user', content: [{ type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(bytes)}` } }] }]);
    expect(bytesOf(`[${' '.repeat(1_000)}{"role":"user","content":"hi"}]`)).toBe(bytesOf('[{"content":"\\u0068i","role":"user"}]'));
    expect([bytesOf(image(4)), bytesOf(image(4_000_000))]).toEqual([16_406, 16_406]);
  });
});
