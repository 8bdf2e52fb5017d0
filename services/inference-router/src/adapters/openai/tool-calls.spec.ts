import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { TOOL_CALLS_KEPT_LIMIT_CHARACTERS, TOOL_CALLS_LIMIT } from './limits.ts';
import { ToolCalls } from './tool-calls.ts';

interface Seen {
  index: number;
  id: string;
  type: string;
  name: string;
  text: string;
}

const fn = (name: string | null, args: unknown, more: object = {}): object => ({ ...more, function: { ...(name !== null && { name }), arguments: args } });

/** What a client that follows OpenAI's rules assembles from the events. */
function assemble(entries: readonly unknown[]): Seen[] {
  const calls = new ToolCalls(0, 'call_x');
  const seen: Seen[] = [];
  for (const entry of entries) {
    const event = calls.read(entry, () => 'RAW');
    if (event?.event.case !== 'delta') continue;
    const { text, tool } = event.event.value;
    const known = seen.find(({ index }) => index === tool!.index);
    if (known) {
      expect([tool!.id, tool!.type, tool!.name]).toEqual(['', '', '']);
      known.text += text;
    } else seen.push({ index: tool!.index, id: tool!.id, type: tool!.type, name: tool!.name, text });
  }
  calls.end();
  expect(seen.map(({ index }) => index)).toEqual(seen.map((_, at) => at));
  expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length);
  return seen;
}
const brief = (entries: readonly unknown[]): string[] => assemble(entries).map(({ id, name, text }) => `${id} ${name}(${text})`);

describe('the repair of tool calls', () => {
  it('leaves well-formed pieces as they are', () => {
    expect(
      brief([fn('f', '', { index: 0, id: 'a', type: 'function' }), fn(null, '{"x"', { index: 0 }), fn('g', '{}', { index: 1, id: 'b' }), fn(null, ':1}', { index: 0 })]),
    ).toEqual(['a f({"x":1})', 'b g({})']);
  });

  it.each([{}, { id: null }, { id: '' }])('makes a stable id where none came: %j', (id) => {
    expect(brief([fn('f', '{', { index: 0, ...id }), fn(null, '}', { index: 0, ...id })])).toEqual(['call_x_0_0 f({})']);
  });

  it('puts pieces without an index to the call that is open', () => {
    expect(brief([fn('f', '{', { id: 'a' }), fn(null, '}'), fn('g', '{', { id: 'b' }), fn(null, '}')])).toEqual(['a f({})', 'b g({})']);
  });

  it('tells parallel calls apart when all have index 0', () => {
    expect(brief([fn('f', '{"a":1}', { index: 0, id: 'a' }), fn('f', '{"a":2}', { index: 0, id: 'b' }), fn('g', '{}', { index: 0, id: 'c' })])).toEqual([
      'a f({"a":1})',
      'b f({"a":2})',
      'c g({})',
    ]);
  });

  it('tells parallel calls apart when all have index 0 and none an id', () => {
    expect(brief([fn('f', '{"a":1}', { index: 0 }), fn('f', '{"a":2}', { index: 0 })])).toEqual(['call_x_0_0 f({"a":1})', 'call_x_0_1 f({"a":2})']);
  });

  it('does not take a name that is repeated on every piece for a new call', () => {
    expect(brief([fn('f', '{"a"', { index: 0 }), fn('f', ':1}', { index: 0 })])).toEqual(['call_x_0_0 f({"a":1})']);
    expect(brief([fn('f', '{"a"', { index: 0, id: 'a' }), fn('f', ':1}', { index: 0, id: 'a' })])).toEqual(['a f({"a":1})']);
  });

  it('does not take an id that changes on every piece for a new call', () => {
    expect(brief([fn('f', '{"a"', { index: 0, id: 'a' }), fn(null, ':1}', { index: 0, id: 'b' })])).toEqual(['a f({"a":1})']);
  });

  it('gives two calls with one id two ids', () => {
    expect(brief([fn('f', '{}', { index: 0, id: 'a' }), fn('g', '{}', { index: 1, id: 'a' })])).toEqual(['a f({})', 'call_x_0_1 g({})']);
  });

  it('counts from 0 when the backend counts from 1', () => {
    expect(brief([fn('f', '{}', { index: 1, id: 'a' }), fn('g', '{}', { index: 2, id: 'b' })])).toEqual(['a f({})', 'b g({})']);
  });

  it('waits for a name that comes later', () => {
    expect(brief([fn(null, '{', { index: 0, id: 'a' }), fn('f', '}', { index: 0 })])).toEqual(['a f({})']);
  });

  it('waits with all that came before the name, however it was cut and whatever other calls do meanwhile', () => {
    const piece = fc.record({ index: fc.nat(2), text: fc.string({ unit: 'grapheme', maxLength: 5 }) });
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 30 }), fc.array(piece, { maxLength: 10 }), (before, after) => {
        const indexes = [...new Set([...before, ...after].map(({ index }) => index))];
        const nameless = ({ index, text }: { index: number; text: string }): object => fn(null, text, { index });
        const seen = assemble([...before.map(nameless), ...indexes.map((index) => fn(`f${index}`, '', { index })), ...after.map(nameless)]);
        const textOf = (index: number): string => [...before, ...after].filter((one) => one.index === index).map(({ text }) => text).join('');
        expect(new Map(seen.map(({ name, text }) => [name, text]))).toEqual(new Map(indexes.map((index) => [`f${index}`, textOf(index)])));
      }),
    );
  });

  it('does not wait for ever: text without a name, ids and names are kept up to a limit, together', () => {
    const full = 'x'.repeat(TOOL_CALLS_KEPT_LIMIT_CHARACTERS - 'a'.length - 'f'.length);
    expect(brief([fn(null, full, { index: 0, id: 'a' }), fn('f', '', { index: 0 })])).toEqual([`a f(${full})`]);
    const fault = "The model's backend failed.";
    const many = (entry: (at: number) => object): object[] => Array.from({ length: TOOL_CALLS_LIMIT }, (_, at) => entry(at));
    const long = 'x'.repeat((2 * TOOL_CALLS_KEPT_LIMIT_CHARACTERS) / TOOL_CALLS_LIMIT);
    expect(() => assemble([fn(null, full, { index: 0, id: 'a' }), fn(null, 'xx', { index: 0 })])).toThrow(fault);
    expect(() => assemble(many((at) => fn(null, long, { index: at })))).toThrow(fault);
    expect(() => assemble(many((at) => fn('f', '', { index: at, id: `${at}${long}` })))).toThrow(fault);
    expect(() => assemble(many((at) => fn(`f${long}`, '', { index: at })))).toThrow(fault);
  });

  it('gives the room of text back that waited for its name, and keeps none of what comes behind it', () => {
    const half = 'x'.repeat(TOOL_CALLS_KEPT_LIMIT_CHARACTERS / 2);
    const entries = [0, 1, 2, 3].flatMap((index) => [fn(null, half, { index }), fn('f', '', { index }), fn(null, half, { index }), fn(null, half, { index })]);
    expect(assemble(entries).map(({ text }) => text.length)).toEqual(Array<number>(4).fill(3 * half.length));
  });

  it('looks at each character once when a backend repeats the name on every piece', () => {
    // Reading all of the text again with every piece would take hours.
    const calls = new ToolCalls(0, 'call_x');
    let length = 0;
    for (let piece = 0; piece < 400_000; piece++) {
      const event = calls.read(fn('f', piece === 0 ? '["' : 'word ', { index: 0 }), () => undefined)!;
      if (event.event.case === 'delta') length += event.event.value.text.length;
    }
    expect([calls.count, length]).toEqual([1, 2 + 399_999 * 5]);
  });

  it('refuses a call that never gets a name, and entries that are none', () => {
    expect(() => assemble([fn(null, '{}', { index: 0 })])).toThrow("The model's backend failed.");
    expect(() => assemble(['x'])).toThrow("The model's backend failed.");
  });

  it('reads custom tools', () => {
    expect(assemble([{ index: 0, id: 'a', type: 'custom', custom: { name: 'sql', input: 'SELECT' } }, { index: 0, custom: { input: ' 1' } }])).toEqual([
      { index: 0, id: 'a', type: 'custom', name: 'sql', text: 'SELECT 1' },
    ]);
  });

  it('takes arguments that are an object in their source text', () => {
    expect(brief([fn('f', { x: 1 }, { id: 'a' })])).toEqual(['a f(RAW)']);
  });

  it('keeps names, order and arguments of any calls under every bad habit', () => {
    const call = fc.record({ name: fc.constantFrom('f', 'g', 'h'), value: fc.jsonValue(), cuts: fc.nat(3) });
    const habit = fc.constantFrom('well-formed', 'no index', 'index 0', 'no id', 'from 1');
    fc.assert(
      fc.property(fc.array(call, { minLength: 1, maxLength: 6 }), habit, (calls, bad) => {
        const entries = calls.flatMap(({ name, value, cuts }, at) => {
          const args = JSON.stringify({ value });
          const pieces = Array.from({ length: cuts + 1 }, (_, cut) => args.slice((cut * args.length) / (cuts + 1), ((cut + 1) * args.length) / (cuts + 1)));
          const index = bad === 'no index' ? {} : { index: bad === 'index 0' ? 0 : bad === 'from 1' ? at + 1 : at };
          const id = bad === 'no id' ? {} : { id: `id_${at}` };
          return pieces.map((piece, cut) => (cut === 0 ? fn(name, piece, { ...index, ...id, type: 'function' }) : fn(null, piece, index)));
        });
        expect(assemble(entries).map(({ name, text }) => [name, JSON.parse(text)])).toEqual(calls.map(({ name, value }) => [name, JSON.parse(JSON.stringify({ value }))]));
      }),
    );
  });
});
