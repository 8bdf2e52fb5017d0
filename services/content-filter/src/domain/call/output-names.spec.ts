import { describe, expect, it } from '@jest/globals';
import { OUTPUT_NAMES } from './output-names.ts';

describe('names of the API in an answer', () => {
  it('are single words in the form of the API', () => {
    for (const name of OUTPUT_NAMES) expect(name).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(['top_logprobs', 'annotations', 'prompt_tokens', 'reasoning_details', ''].map((name) => OUTPUT_NAMES.has(name))).toEqual([true, true, true, false, false]);
  });
});
