import { describe, expect, it } from '@jest/globals';
import { TEXTS_LIMIT } from '@sluice/kserve';
import { Channel, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import fc from 'fast-check';
import { Hits } from './hits.ts';
import { JsonText } from './json-text.ts';
import { OutputFilter } from './output-filter.ts';
import { cutAt, cuts } from './testing/cut.ts';
import { attempt, channelKey, clientView, delta, finished, started, usage } from './testing/events.ts';
import { finish } from './testing/finish.ts';
import { jsonSource } from './testing/json-source.ts';
import { FailingPolicy, MASK, ScriptedPolicy, type ScriptedRule } from './testing/scripted-policy.ts';

const MASKS: ScriptedRule[] = [
  { word: 'abc', action: 'mask' },
  { word: 'cd', action: 'mask' },
  { word: 'bb', action: 'flag' },
];
const BLOCKS: ScriptedRule[] = [...MASKS, { word: 'bad', action: 'block' }, { word: 'dab', action: 'block' }];

interface Filtering {
  filter(events: readonly ChatEvent[], isLast: boolean): ChatEvent[];
  readonly canStop: boolean;
}

function filterOf(policy: ScriptedPolicy, choices = 1): { filter: Filtering; hits: Hits } {
  const hits = new Hits(policy, 'org', (_organisation, text) => Buffer.from(text));
  const output = new OutputFilter(policy, choices, hits);
  const filter = {
    filter: (events: readonly ChatEvent[], isLast: boolean): ChatEvent[] => finish(output.filter(events, isLast)),
    get canStop() {
      return output.canStop;
    },
  };
  return { filter, hits };
}

/** One channel of an answer: its pieces, as they follow each other. */
interface Track {
  readonly choice: number;
  readonly channel: Channel;
  readonly tool?: { readonly index: number; readonly type: string };
  readonly text: string;
  readonly at: readonly number[];
}

const words = fc.array(fc.constantFrom('a', 'b', 'c', 'd', ' ', 'abc', 'ba', 'bad', '\u{1f600}'), { maxLength: 14 }).map((letters) => letters.join(''));
const plainTrack = fc.record({ choice: fc.nat({ max: 2 }), channel: fc.constantFrom(Channel.CONTENT, Channel.REASONING, Channel.REFUSAL), text: words, at: cuts });
const argumentsTrack = fc.record({
  choice: fc.nat({ max: 2 }),
  channel: fc.constant(Channel.TOOL_ARGUMENTS),
  tool: fc.record({ index: fc.nat({ max: 2 }), type: fc.constantFrom('function', 'custom') }),
  text: fc.oneof(jsonSource, words),
  at: cuts,
});
const functionTrack = fc.record({ choice: fc.nat({ max: 2 }), channel: fc.constant(Channel.FUNCTION_ARGUMENTS), text: jsonSource, at: cuts });
const tracks = fc.uniqueArray(fc.oneof(plainTrack, argumentsTrack, functionTrack) as fc.Arbitrary<Track>, {
  minLength: 1,
  maxLength: 6,
  selector: ({ choice, channel, tool }) => `${choice}/${channel}/${tool?.index ?? 0}`,
});
/** The tracks mixed; each keeps its own order. */
const answers = fc.tuple(tracks, fc.infiniteStream(fc.nat()), fc.infiniteStream(fc.nat({ max: 3 }))).map(([all, picks, batches]) => {
  const waiting = all.map((track) => ({ pieces: piecesOf(track), at: 0 }));
  const events: ChatEvent[] = [started()];
  for (let open = waiting; (open = open.filter(({ pieces, at }) => at < pieces.length)).length > 0; ) {
    const next = open[picks.next().value % open.length]!;
    events.push(next.pieces[next.at++]!);
  }
  for (const choice of new Set(all.map((track) => track.choice))) events.push(finished(choice, 'length'));
  events.push(usage());
  return { all, batches: batched(events, () => batches.next().value) };
});

function piecesOf({ choice, channel, tool, text, at }: Track): ChatEvent[] {
  const header = tool && { ...tool, id: `call-${tool.index}`, name: 'look_up' };
  return cutAt(text, at).map((piece, index) => delta(piece, { choice, channel, ...(tool ? { tool: index === 0 ? header! : { index: tool.index } } : {}) }));
}

function batched(events: readonly ChatEvent[], size: () => number): ChatEvent[][] {
  const batches: ChatEvent[][] = [];
  for (let at = 0; at < events.length; ) {
    const next = at + size();
    batches.push(events.slice(at, next));
    at = next === at ? at : next;
    if (batches.length > 10_000) throw new Error('The batches do not end.');
  }
  return batches;
}

/** What may leave of a track that stands alone. */
function wholeOf(policy: ScriptedPolicy, { channel, tool, text }: Track): { text: string; blocked: boolean } {
  const isJson = channel === Channel.FUNCTION_ARGUMENTS || (channel === Channel.TOOL_ARGUMENTS && tool?.type !== 'custom');
  if (!isJson) return policy.whole(text);
  const stream = new JsonText(policy, 'out');
  const pushed = stream.push(text);
  if (pushed.blockedBy !== undefined) return { text: pushed.text, blocked: true };
  return { text: pushed.text + stream.end().text, blocked: false };
}

describe('output filter', () => {
  it('gives a client the masked whole of every channel, however pieces are cut, mixed and batched', () => {
    fc.assert(
      fc.property(answers, ({ all, batches }) => {
        const policy = new ScriptedPolicy(MASKS);
        const { filter } = filterOf(policy, 3);
        const left = batches.flatMap((batch, index) => filter.filter(batch, index === batches.length - 1));
        const { texts, reasons } = clientView(left);
        for (const track of all) expect(texts[channelKey(track as never)] ?? '').toBe(wholeOf(policy, track).text);
        expect(new Set(Object.values(reasons))).toEqual(new Set(['length']));
        for (const { tool } of all) if (tool) expect(headersOf(left).every((count) => count === 1)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('lets no prefix of a blocked match out, on any channel, and ends that choice alone', () => {
    fc.assert(
      fc.property(answers, ({ all, batches }) => {
        const policy = new ScriptedPolicy(BLOCKS);
        const { filter } = filterOf(policy, 3);
        const wholes = new Map(all.map((track) => [channelKey(track as never), wholeOf(policy, track)]));
        const left: ChatEvent[] = [];
        batches.forEach((batch, index) => {
          left.push(...filter.filter(batch, index === batches.length - 1));
          for (const [key, text] of Object.entries(clientView(left).texts)) expect(wholes.get(key)!.text.startsWith(text)).toBe(true);
        });
        const { texts, reasons } = clientView(left);
        for (const choice of new Set(all.map((track) => track.choice))) {
          const own = all.filter((track) => track.choice === choice);
          const isBlocked = own.some((track) => wholeOf(policy, track).blocked);
          expect(reasons[choice]).toBe(isBlocked ? 'content_filter' : 'length');
          if (!isBlocked) for (const track of own) expect(texts[channelKey(track as never)] ?? '').toBe(wholeOf(policy, track).text);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('lets nothing out of a push that fails, nor anything after it', () => {
    fc.assert(
      fc.property(answers, fc.nat({ max: 30 }), ({ all, batches }, failAt) => {
        const policy = new ScriptedPolicy(BLOCKS);
        const failing = new FailingPolicy(BLOCKS, (_piece, pushes) => pushes === failAt);
        const { filter } = filterOf(failing, 3);
        const left: ChatEvent[] = [];
        try {
          batches.forEach((batch, index) => left.push(...filter.filter(batch, index === batches.length - 1)));
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(SyntaxError);
        }
        for (const track of all) expect(wholeOf(policy, track).text.startsWith(clientView(left).texts[channelKey(track as never)] ?? '')).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('passes on what leaves whole as the same object', () => {
    const { filter } = filterOf(new ScriptedPolicy(MASKS));
    const events = [started(), attempt(), delta(''), delta('xyz'), delta('x', { channel: Channel.REASONING }), delta('bb'), delta('{', { channel: Channel.TOOL_ARGUMENTS, tool: { index: 0, id: 'i', type: 'function', name: 'n' } }), usage('{"prompt_tokens":3}'), finished()];
    const left = filter.filter(events, true);
    expect(left).toHaveLength(events.length);
    left.forEach((event, index) => expect(event).toBe(events[index]));
  });

  it('lets the text of a held piece leave with that of the next, and the head of a tool call with its first text', () => {
    const { filter } = filterOf(new ScriptedPolicy(MASKS));
    const tool = { index: 1, id: 'call', type: 'custom', name: 'look_up' };
    expect(filter.filter([delta('ab', { channel: Channel.TOOL_ARGUMENTS, tool })], false)).toEqual([]);
    const [left, ...more] = filter.filter([delta('x', { channel: Channel.TOOL_ARGUMENTS, tool: { index: 1 } })], false);
    expect(more).toEqual([]);
    expect(left).toMatchObject({ event: { value: { text: 'abx', tool } } });
    const later = filter.filter([delta('yab', { channel: Channel.TOOL_ARGUMENTS, tool: { index: 1 } }), delta('c', { channel: Channel.TOOL_ARGUMENTS, tool: { index: 1 } })], true);
    expect(later.map(({ event }) => event.value)).toMatchObject([{ text: 'y', tool: { index: 1, id: '' } }, { text: MASK, tool: { index: 1, id: '' } }]);
  });

  it('decides what is held before the end of its choice, in the order of the channels', () => {
    const { filter } = filterOf(new ScriptedPolicy(MASKS));
    const end = finished(0, 'stop');
    const left = filter.filter([delta('xab', { channel: Channel.REASONING }), delta('yab'), delta('zc', { choice: 1 }), end, delta('late')], false);
    expect(left.map(({ event }) => (event.case === 'delta' ? event.value.text : event.case))).toEqual(['x', 'y', 'z', 'ab', 'ab', 'finished']);
    expect(left.at(-1)).toBe(end);
    expect(filter.filter([], true)).toMatchObject([{ event: { case: 'delta', value: { text: 'c', choice: 1 } } }]);
    expect(filter.filter([], true)).toEqual([]);
  });

  it('blocks at the end what only the end decides', () => {
    const late = new (class extends ScriptedPolicy {
      override open(): ReturnType<ScriptedPolicy['open']> {
        return { held: 3, push: () => ({ text: '', matches: [] }), end: () => ({ text: 'x', matches: [{ rule: 0, start: 1, end: 3, text: 'yz' }], blockedBy: 0 }) };
      }
    })([{ word: 'yz', action: 'block' }]);
    const { filter } = filterOf(late);
    const left = filter.filter([delta('xyz'), finished()], false);
    expect(left.map(({ event }) => (event.case === 'delta' ? event.value.text : event.case === 'finished' ? event.value.reason : ''))).toEqual(['x', 'content_filter']);
    expect(filter.canStop).toBe(false);
  });

  it('says that the model can be stopped when every choice is over and one of them was cut', () => {
    const { filter } = filterOf(new ScriptedPolicy(BLOCKS), 2);
    filter.filter([delta('bad')], false);
    expect(filter.canStop).toBe(false);
    filter.filter([finished(1)], false);
    expect(filter.canStop).toBe(true);
    expect(filter.filter([delta('more'), finished(0), usage()], true).map(({ event }) => event.case)).toEqual(['usage']);
  });

  it('does not stop a model that ended by itself: its usage is to come', () => {
    const { filter } = filterOf(new ScriptedPolicy(BLOCKS), 1);
    filter.filter([delta('fine'), finished()], false);
    expect(filter.canStop).toBe(false);
  });

  it('counts each hit with its rule, choice, channel and place', () => {
    const { filter, hits } = filterOf(new ScriptedPolicy(BLOCKS), 2);
    filter.filter([delta('xa'), delta('bcb'), delta('b', { choice: 1 }), delta('ad', { choice: 1 }), finished()], false);
    expect(hits.fresh()).toMatchObject({
      hitCount: 2,
      hits: [
        { ruleId: 'rule-0', index: 0, channel: Channel.CONTENT, start: 1n, end: 4n, textHash: Buffer.from('abc') },
        { ruleId: 'rule-3', index: 1, channel: Channel.CONTENT, start: 0n, end: 3n },
      ],
    });
    expect(hits.fresh()).toEqual({ hits: [], hitCount: 0 });
  });

  it('decides text and the members beside it apart, and keeps them together when both leave at once', () => {
    const { filter } = filterOf(new ScriptedPolicy(BLOCKS));
    const both = delta('fine', { extra: { note: 'x' } });
    expect(filter.filter([both], false)).toEqual([both]);
    expect(filter.filter([both], false)[0]).toBe(both);
    const [text, extra] = filter.filter([delta('y', { extra: { note: 'so abc' }, logprobs: { content: [{ token: 'y' }] } })], false);
    expect(text).toMatchObject({ event: { value: { text: 'y', extraJson: new Uint8Array(0) } } });
    expect(extra).toMatchObject({ event: { value: { text: '', logprobsJson: new Uint8Array(0), extraJson: Buffer.from(`{"note":"so ${MASK}"}`) } } });
    const cut = filter.filter([delta('zab', { extra: { note: 'a b' } }), delta('', { extra: { note: 'ad' } })], false);
    expect(cut).toMatchObject([{ event: { value: { text: 'z' } } }, { event: { case: 'finished', value: { reason: 'content_filter' } } }]);
  });

  it('blocks a choice for the name of a tool that the model made up', () => {
    const { filter } = filterOf(new ScriptedPolicy(BLOCKS));
    const left = filter.filter([delta('', { channel: Channel.TOOL_ARGUMENTS, tool: { index: 0, id: 'i', type: 'function', name: 'so_bad' } })], false);
    expect(left).toMatchObject([{ event: { case: 'finished', value: { reason: 'content_filter' } } }]);
  });

  it('blocks a choice for the id of a tool call, and for a name beside the text; the model may go on elsewhere', () => {
    const { filter } = filterOf(new ScriptedPolicy(BLOCKS), 3);
    const left = filter.filter([delta('', { channel: Channel.TOOL_ARGUMENTS, tool: { index: 0, id: 'bad' } }), delta('x', { choice: 1, extra: { plan: { 'so abc': 1 } } }), delta('y', { choice: 2 })], false);
    expect(left.map(({ event }) => (event.case === 'finished' ? `${event.value.choice}: ${event.value.reason}` : (event.value as { text: string }).text))).toEqual(['0: content_filter', 'x', '1: content_filter', 'y']);
  });

  it('starts without the fingerprint of the backend when that holds words', () => {
    const { filter } = filterOf(new ScriptedPolicy(BLOCKS));
    expect(filter.filter([started({ systemFingerprint: 'fp_bad', serviceTier: 'default' })], false)).toMatchObject([{ event: { case: 'started', value: { systemFingerprint: '', serviceTier: 'default', versionId: 'v' } } }]);
  });

  it('gives usage without the object of the backend when that holds words', () => {
    const { filter } = filterOf(new ScriptedPolicy(BLOCKS));
    expect(filter.filter([usage('{"prompt_tokens":3,"note":"b\\u0061d"}')], false)).toMatchObject([{ event: { value: { inputTokens: 1n, json: new Uint8Array(0) } } }]);
  });

  it('refuses more streams than it can hold', () => {
    const { filter } = filterOf(new ScriptedPolicy(BLOCKS));
    const events = Array.from({ length: 2049 }, (_, index) => delta('x', { channel: Channel.TOOL_ARGUMENTS, tool: { index } }));
    expect(() => filter.filter(events, false)).toThrow(expect.objectContaining({ code: 'content_filter_unavailable' }));
  });

  it('passes everything where no rule looks at output', () => {
    const { filter } = filterOf(new ScriptedPolicy([{ word: 'bad', action: 'block', direction: 'in' }]));
    const event = delta('bad');
    expect(filter.filter([event], false)[0]).toBe(event);
  });
});

describe('an answer of tensors, each text of which is a choice', () => {
  it('is looked at with as many texts as tensors may have', () => {
    const { filter } = filterOf(new ScriptedPolicy(MASKS));
    const events = Array.from({ length: TEXTS_LIMIT }, (_, choice) => [delta('xabcx', { choice }), finished(choice)]).flat();
    const left = filter.filter(events, true);
    expect(left.filter(({ event }) => event.case === 'finished')).toHaveLength(TEXTS_LIMIT);
    expect(JSON.stringify(left.map(({ event }) => (event.case === 'delta' ? event.value.text : '')))).not.toContain('abc');
  });
});

/** How often each tool call was given an id. */
function headersOf(events: readonly ChatEvent[]): number[] {
  const counts = new Map<string, number>();
  for (const { event } of events) {
    if (event.case !== 'delta' || !event.value.tool) continue;
    const key = channelKey(event.value);
    counts.set(key, (counts.get(key) ?? 0) + (event.value.tool.id === '' ? 0 : 1));
  }
  return [...counts.values()];
}
