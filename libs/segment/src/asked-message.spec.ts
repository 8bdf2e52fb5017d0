import { describe, expect, it } from '@jest/globals';
import { askedMessage } from './asked-message.ts';

const words = 'x'.repeat(1_000);

describe('what a model reads of a message', () => {
  it('is its text, with names and numbers that do not stand in every message', () => {
    expect(askedMessage({ role: 'user', content: 'é€' })).toEqual({ textBytes: 9, media: [] });
    expect(askedMessage({ role: 'tool', tool_call_id: 'a', content: [{ type: 'text', text: 'hi' }, { type: 'text', text: 'ho', n: 1 }] }).textBytes).toBe(4 + 12 + 1 + 4 + 2 + 4 + 2 + 1 + 25);
    expect([null, 'text', 7, true, []].map((message) => askedMessage(message).textBytes)).toEqual([0, 4, 25, 25, 0]);
  });

  it('is not the bytes of what is no text', () => {
    const image = { type: 'image_url', image_url: { url: words }, alt: 'a' };
    expect(askedMessage({ role: 'user', content: [image, { type: 'text', text: 'hi' }] })).toEqual({ textBytes: 4 + 9 + 9 + 3 + 1 + 6, media: [image] });
  });

  it('is the name of a file, too', () => {
    const file = { type: 'file', file: { file_data: words, filename: 'four' } };
    expect(askedMessage({ content: [file] })).toEqual({ textBytes: 4 + 4 + 8 + 4, media: [file] });
  });

  it('does not take words for an image because they say that they are one', () => {
    for (const message of [{ type: 'image_url', content: words }, { content: [{ type: 'image_url', image_url: {}, text: words }] }, { content: [{ type: 'text', text: words, image_url: {} }] }]) {
      expect(askedMessage(message).textBytes).toBeGreaterThanOrEqual(1_000);
    }
  });
});
