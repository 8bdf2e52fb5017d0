import { describe, expect, it } from '@jest/globals';
import { Channel, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import fc from 'fast-check';
import { backendCall } from '../../domain/backend.contract.ts';
import { AnswerReader } from './answer-reader.ts';
import { WholeCharacters } from './whole-characters.ts';

const UNITS = ['a', 'ü', '\ud83d', '\ude00', '\ud83d\ude00', '\udbff', '\udc00'];
/** Pieces of one text, cut anywhere. Halves of pairs are frequent, alone and together. */
const pieces = fc.array(fc.array(fc.constantFrom(...UNITS), { maxLength: 4 }).map((units) => units.join('')), { maxLength: 8 });
const textOfPieces = (parts: readonly string[]): string => parts.join('').toWellFormed();

type Write = (text: string) => object;
const tool = (index: number): Write => (text) => ({ tool_calls: [{ index, id: `call_${index}`, function: { name: 'f', arguments: text } }] });
/** How a message says text on each channel; the name is `channel.tool`. */
const WRITES: Readonly<Record<string, Write>> = {
  [`${Channel.CONTENT}.`]: (content) => ({ content }),
  [`${Channel.REASONING}.`]: (reasoning_content) => ({ reasoning_content }),
  [`${Channel.REFUSAL}.`]: (refusal) => ({ refusal }),
  [`${Channel.TOOL_ARGUMENTS}.0`]: tool(0),
  [`${Channel.TOOL_ARGUMENTS}.1`]: tool(1),
  [`${Channel.FUNCTION_ARGUMENTS}.0`]: (text) => ({ function_call: { name: 'f', arguments: text } }),
};
const CHANNELS = Object.keys(WRITES);

/** The text of each `choice/channel.tool`. Every piece must be well-formed, and none may come behind the end of its choice. */
function joined(events: readonly ChatEvent[]): Map<string, string> {
  const texts = new Map<string, string>();
  const ended = new Set<number>();
  for (const { event } of events) {
    if (event.case === 'finished') ended.add(event.value.choice);
    if (event.case !== 'delta') continue;
    const { choice, channel, text, tool: call } = event.value;
    expect(ended.has(choice)).toBe(false);
    expect(text.isWellFormed()).toBe(true);
    const name = `${choice}/${channel}.${call?.index ?? ''}`;
    texts.set(name, (texts.get(name) ?? '') + text);
  }
  return texts;
}
const streamed = (reader: AnswerReader, index: number, delta: object): ChatEvent[] => reader.read(JSON.stringify({ choices: [{ index, delta }] }));

describe('a text in whole characters', () => {
  it('is the same text, however it was cut', () => {
    fc.assert(
      fc.property(pieces, (parts) => {
        const characters = new WholeCharacters();
        const out = [...parts.map((part) => characters.push(part)), characters.end()];
        expect(out.every((part) => part.isWellFormed())).toBe(true);
        expect(out.join('')).toBe(textOfPieces(parts));
        expect(characters.end()).toBe('');
      }),
    );
  });

  it('holds back one half at most', () => {
    const characters = new WholeCharacters();
    expect(['a\ud83d', '\ud83d', '\ude00b'].map((part) => characters.push(part))).toEqual(['a', '\ufffd', '\u{1f600}b']);
  });

  it('stays whole on every channel of every choice, whatever comes between its pieces', () => {
    const channel = fc.record({ choice: fc.nat(1), name: fc.constantFrom(...CHANNELS) });
    const script = fc.array(fc.tuple(channel, fc.array(fc.constantFrom(...UNITS), { minLength: 1, maxLength: 3 }).map((units) => units.join(''))), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(script, (steps) => {
        const reader = new AnswerReader(backendCall({ choices: 2 }));
        // Indexes of tool calls follow the order in which they began, so both begin here.
        const events = [0, 1].flatMap((index) => [...streamed(reader, index, tool(0)('')), ...streamed(reader, index, tool(1)(''))]);
        const sent = new Map<string, string>();
        for (const [{ choice, name }, text] of steps) {
          events.push(...streamed(reader, choice, WRITES[name]!(text)));
          sent.set(`${choice}/${name}`, (sent.get(`${choice}/${name}`) ?? '') + text);
        }
        events.push(...reader.end());
        const got = joined(events);
        for (const [name, text] of sent) expect([name, got.get(name)]).toEqual([name, text.toWellFormed()]);
      }),
    );
  });

  it('stays whole in an answer that is not streamed', () => {
    fc.assert(
      fc.property(pieces, fc.constantFrom(...CHANNELS), (parts, name) => {
        const at = name === `${Channel.TOOL_ARGUMENTS}.1` ? `${Channel.TOOL_ARGUMENTS}.0` : name;
        const reader = new AnswerReader(backendCall({ stream: false }));
        const events = [...reader.read(JSON.stringify({ choices: [{ index: 0, message: WRITES[at]!(parts.join('')) }] })), ...reader.end()];
        expect(joined(events).get(`0/${at}`) ?? '').toBe(textOfPieces(parts));
      }),
    );
  });

  it('waits for the name of a tool call', () => {
    const reader = new AnswerReader(backendCall());
    const early = streamed(reader, 0, { tool_calls: [{ index: 0, function: { arguments: '"\ud83d' } }] });
    const late = streamed(reader, 0, { tool_calls: [{ index: 0, function: { name: 'f', arguments: '\ude00"' } }] });
    expect(early).toEqual([]);
    expect(joined([...late, ...reader.end()]).get(`0/${Channel.TOOL_ARGUMENTS}.0`)).toBe('"\u{1f600}"');
  });

  it('counts text that was held back when it estimates usage', () => {
    const reader = new AnswerReader(backendCall());
    const events = [...streamed(reader, 0, { content: 'a\ud83d' }), ...streamed(reader, 0, { content: '\ude00' }), ...streamed(reader, 0, { content: 'bcd' }), ...reader.end()];
    expect(events.at(-1)!.event.value).toMatchObject({ outputTokens: 2n, estimated: true });
  });

  it('also holds for ids, names and the words about the answer', () => {
    const reader = new AnswerReader(backendCall());
    const delta = { tool_calls: [{ index: 0, id: 'a\ud83d', function: { name: 'f\ude00', arguments: '{}' } }], function_call: { name: 'g\ud83d', arguments: '{}' } };
    const events = reader.read(JSON.stringify({ system_fingerprint: 'fp\ud83d', service_tier: '\ude00', choices: [{ delta }] }));
    expect(events.map(({ event: { value } }) => value)).toMatchObject([
      { systemFingerprint: 'fp\ufffd', serviceTier: '\ufffd' },
      { tool: { id: 'a\ufffd', name: 'f\ufffd' } },
      { tool: { name: 'g\ufffd' } },
    ]);
  });

  it('leaves the bytes of raw JSON as they were written', () => {
    const logprobs = '{"content":[{"token":"\\ud83d","logprob":-1}]}';
    const reader = new AnswerReader(backendCall());
    const events = reader.read(`{"choices":[{"delta":{"content":"\\ud83d","x":"\\ude00"},"logprobs":${logprobs}}]}`);
    const found = events.flatMap(({ event }) => (event.case === 'delta' ? [Buffer.from(event.value.logprobsJson).toString() + Buffer.from(event.value.extraJson).toString()] : []));
    expect(found.join('')).toBe(`${logprobs}{"x":"\\ude00"}`);
  });
});
