import { describe, expect, it } from '@jest/globals';
import { askedBytes, estimateTokens } from './estimate.ts';

describe('the estimate of tokens', () => {
  it('is a token for each four bytes begun', () => {
    expect([0, 1, 4, 5, 9].map(estimateTokens)).toEqual([0n, 1n, 1n, 2n, 3n]);
  });

  it('counts with the messages what a model reads beside them, and nothing of how it is to answer', () => {
    const field = (name: string, json: string) => ({ name, json: Buffer.from(json) });
    const driven = [field('temperature', '0.25'), field('max_tokens', '64'), field('stream_options', '{"include_usage":true}'), field('stop', '["a"]'), field('user', '"u"'), field('seed', '7')];
    const messages = Buffer.alloc(7);
    expect([[], driven, [field('tools', '[{}]')], [field('response_format', '{}'), ...driven]].map((fields) => askedBytes({ messages, fields }))).toEqual([7, 7, 11, 9]);
  });
});
