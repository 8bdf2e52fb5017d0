import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SseParser } from './sse-parser.ts';

type Event = { data: string; name: string };

function parse(pieces: readonly Buffer[], limitBytes?: number): { events: Event[]; ok: boolean; parser: SseParser } {
  const events: Event[] = [];
  const parser = new SseParser((data, name) => events.push({ data, name }), limitBytes);
  const ok = pieces.every((piece) => parser.push(piece));
  return { events, ok, parser };
}
const parseText = (text: string): string[] => parse([Buffer.from(text)]).events.map(({ data }) => data);

const SAMPLE =
  '\ufeff: hello\r\n\r\ndata: {"a":"größe 🦥"}\n\nevent: error\ndata:{"b":1}\r\n\r\ndata: one\rdata: two\r\rid: 7\nretry: 5\ndata\n\ndata: [DONE]\n\n';
const SAMPLE_EVENTS: Event[] = [
  { data: '{"a":"größe 🦥"}', name: '' },
  { data: '{"b":1}', name: 'error' },
  { data: 'one\ntwo', name: '' },
  { data: '', name: '' },
  { data: '[DONE]', name: '' },
];

describe('the parser of server-sent events', () => {
  it('reads comments, line ends of three kinds, missing spaces, several lines, a byte order mark, named events', () => {
    expect(parse([Buffer.from(SAMPLE)]).events).toEqual(SAMPLE_EVENTS);
  });

  it('gives the same events when cut in two at every byte', () => {
    const bytes = Buffer.from(SAMPLE);
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(parse([bytes.subarray(0, cut), bytes.subarray(cut)]).events).toEqual(SAMPLE_EVENTS);
    }
  });

  it('gives the same events one byte at a time', () => {
    const bytes = Buffer.from(SAMPLE);
    expect(parse(Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))).events).toEqual(SAMPLE_EVENTS);
  });

  it('gives the same events however a stream is cut', () => {
    const line = fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.replaceAll(/[\r\n\ufeff]/g, ''));
    const stream = fc.array(fc.tuple(fc.array(line, { minLength: 1, maxLength: 3 }), fc.constantFrom('\n', '\r\n', '\r')), { maxLength: 6 });
    fc.assert(
      fc.property(stream, fc.array(fc.nat(400), { maxLength: 12 }), (events, cuts) => {
        const bytes = Buffer.from(events.map(([lines, end]) => lines.map((text) => `data: ${text}${end}`).join('') + end).join(''));
        const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
        const pieces = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
        expect(parse(pieces).events.map(({ data }) => data)).toEqual(events.map(([lines]) => lines.join('\n')));
      }),
    );
  });

  it('does not take a CR at the end of one read and the LF of the next for two line ends', () => {
    expect(parse([Buffer.from('data: a\r'), Buffer.from('\ndata: b\r'), Buffer.from('\n\r\n')]).events).toEqual([{ data: 'a\nb', name: '' }]);
  });

  it('ignores fields that only begin like data', () => {
    expect(parseText('database: x\n\ndat: y\n\nDATA: z\n\n')).toEqual([]);
  });

  it('takes off one space only', () => {
    expect(parseText('data:  two\n\ndata:none\n\n')).toEqual([' two', 'none']);
  });

  it('refuses a line without an end once it passes the limit', () => {
    const { ok, events } = parse([Buffer.from('data: '), ...Array<Buffer>(10).fill(Buffer.alloc(10, 'x'))], 50);
    expect([ok, events]).toEqual([false, []]);
  });

  it('refuses an event of many lines once it passes the limit', () => {
    expect(parse(Array<Buffer>(10).fill(Buffer.from('data: xxxx\n')), 50).ok).toBe(false);
  });

  it('knows that a stream ended inside an event, and takes an event that lacks only its blank line', () => {
    const whole = parse([Buffer.from('data: a\n\n')]);
    expect(whole.parser.isInsideEvent).toBe(false);
    const half = parse([Buffer.from('data: [DONE]')]);
    expect([half.parser.isInsideEvent, half.events]).toEqual([true, []]);
    half.parser.end();
    expect(half.events).toEqual([{ data: '[DONE]', name: '' }]);
  });
});
