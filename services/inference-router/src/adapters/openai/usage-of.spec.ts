import { describe, expect, it } from '@jest/globals';
import { MAX_CALL_TOKENS } from '@sluice/pricing';
import { countsOf, usageOf } from './usage-of.ts';

const bytes = { input: () => 400, output: 80 };
const valueOf = (object: unknown) => usageOf(object, undefined, bytes).event.value;

describe('what a backend says of usage', () => {
  it('is taken as it is, up to what a call can have', () => {
    expect(valueOf({ prompt_tokens: 7, completion_tokens: Number(MAX_CALL_TOKENS) })).toMatchObject({ inputTokens: 7n, outputTokens: MAX_CALL_TOKENS, estimated: false });
  });

  it('has no more cached input than input, and no more reasoning than output', () => {
    const said = { prompt_tokens: 765, completion_tokens: 20, prompt_tokens_details: { cached_tokens: 900 }, completion_tokens_details: { reasoning_tokens: 21 } };
    const believed = { inputTokens: 765n, cachedInputTokens: 765n, outputTokens: 20n, reasoningTokens: 20n };
    expect(valueOf(said)).toMatchObject({ ...believed, estimated: false });
    expect(countsOf(said)).toEqual(believed);
    expect(valueOf({ prompt_tokens_details: { cached_tokens: 900 } })).toMatchObject({ inputTokens: 100n, cachedInputTokens: 100n, estimated: true });
  });

  it.each([2 ** 53 - 1, Number(MAX_CALL_TOKENS) + 1, -1, 1.5, '7', null])('is estimated where it is no count: %p', (bad) => {
    const honest = valueOf({ prompt_tokens: 7 });
    expect(valueOf({ prompt_tokens: 7, completion_tokens: bad })).toEqual(honest);
    expect(honest).toMatchObject({ inputTokens: 7n, estimated: true });
    expect(valueOf({ prompt_tokens: bad, completion_tokens: 9 })).toMatchObject({ outputTokens: 9n, estimated: true });
    expect(countsOf({ prompt_tokens: 7, completion_tokens: bad })).toBeUndefined();
    expect(countsOf({ prompt_tokens: 7, completion_tokens: 9, completion_tokens_details: { reasoning_tokens: bad } })).toMatchObject({ reasoningTokens: 0n });
  });
});
