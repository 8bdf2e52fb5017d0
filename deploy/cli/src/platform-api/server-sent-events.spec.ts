import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { serverSentEvents } from './server-sent-events.ts';

async function* pieces(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  let from = 0;
  for (const place of [...places, bytes.length]) {
    yield bytes.subarray(from, place);
    from = place;
  }
}

async function read(bytes: Uint8Array, cuts: readonly number[] = []): Promise<string[]> {
  const events: string[] = [];
  for await (const event of serverSentEvents(pieces(bytes, cuts))) events.push(event);
  return events;
}

describe('server-sent events', () => {
  it('are the same wherever the network cuts them, for every kind of line break', async () => {
    const events = fc.array(fc.string({ unit: 'grapheme', minLength: 1 }).map((text) => text.replace(/[\r\n]/g, '') || 'x'), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(events, fc.constantFrom('\n', '\r\n', '\r'), fc.array(fc.nat(), { maxLength: 8 }), async (texts, end, cuts) => {
        const stream = texts.map((text) => `data: ${text}${end}${end}`).join('');
        // A last lone carriage return cannot be told from half a line break, so the stream goes on with a comment.
        const bytes = new TextEncoder().encode(`${stream}: end`);
        expect(await read(bytes, cuts)).toEqual(texts);
      }),
    );
  });

  it('join data lines, ignore comments and other fields, and drop an event that never ended', async () => {
    const text = ': keep-alive\n\nevent: x\nid: 1\ndata: a\ndata:b\n\ndata: half';
    expect(await read(new TextEncoder().encode(text))).toEqual(['a\nb']);
  });
});
