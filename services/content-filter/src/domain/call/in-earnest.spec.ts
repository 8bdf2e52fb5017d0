import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { Channel, ChatCallSchema, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import fc from 'fast-check';
import { CallFilter } from './call-filter.ts';
import { JsonText } from './json-text.ts';
import { allCuts, cutAt, cuts } from './testing/cut.ts';
import { enginePolicy } from './testing/engine-policy.ts';
import { finish } from './testing/finish.ts';
import { channelKey, clientView, delta, finished } from './testing/events.ts';
import { lookAt } from './whole-text.ts';

/** The filter of a call over the engine that is used in earnest. */
const policy = enginePolicy([
  { action: 'block', words: ['badger', '\u654f\u611f\u8bcd'] },
  { action: 'mask', words: ['otter', '\u79d8\u5bc6'] },
  { action: 'allow', words: ['badgers'] },
  { action: 'mask', pii: 'email' },
  { action: 'mask', pii: 'phone' },
  { action: 'mask', regex: 'k-[0-9]{3,6}' },
]);

const turn = async (): Promise<void> => undefined;

async function open(): Promise<CallFilter> {
  const call = new CallFilter({ callId: 'c', organisationId: 'org', projectId: 'p' }, { policies: { of: () => policy }, hash: () => new Uint8Array(1) });
  await call.input(create(ChatCallSchema, { messages: Buffer.from('[]'), choices: 2 }), turn);
  return call;
}

const bits = fc.constantFrom(
  'badger', 'badgers', 'bad', 'ger', 'o', 'tt', 'er', 'otter', '\u654f', '\u611f\u8bcd', '\u79d8\u5bc6', ' ', '.', 'jo@ex.org', 'ann', '@', 'mail.com', '138', '0013', '8000', '13800138000', 'k-', '12', 'k-1234',
  '\u200b', 'B\u0410DGER', '\uff42adger', '\u{1f600}', '"', '\\', '\n', 'x',
);
const texts = fc.array(bits, { maxLength: 12 }).map((parts) => parts.join(''));
const encode = (text: string, escape: boolean): string => (escape ? `"${[...Array(text.length).keys()].map((at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"` : JSON.stringify(text));
const sources = fc.tuple(texts, texts, fc.boolean(), fc.integer({ min: -20_000_000_000, max: 20_000_000_000 })).map(([name, text, escape, number]) => `{"name":${encode(name, escape)},"n":[${number}, ${encode(text, !escape)}]}`);

/** What may leave of a text that comes in one piece. */
function whole(text: string, isJson: boolean): { text: string; blocked: boolean } {
  const release = finish(lookAt(isJson ? new JsonText(policy, 'out') : policy.open('out'), text));
  return { text: release.text, blocked: release.blockedBy !== undefined };
}

describe('the filter of a call with its engine', () => {
  it('gives a client what the whole text would leave, on two choices and all channels, and never more on the way', async () => {
    const track = (channel: Channel, text: fc.Arbitrary<string>) => fc.record({ choice: fc.nat({ max: 1 }), channel: fc.constant(channel), text, at: cuts });
    const tracks = fc.uniqueArray(
      fc.oneof(track(Channel.CONTENT, texts), track(Channel.REASONING, texts), track(Channel.REFUSAL, texts), track(Channel.TOOL_ARGUMENTS, sources), track(Channel.FUNCTION_ARGUMENTS, texts)),
      { minLength: 1, maxLength: 5, selector: ({ choice, channel }) => `${choice}/${channel}` },
    );
    await fc.assert(
      fc.asyncProperty(tracks, fc.infiniteStream(fc.nat()), async (all, picks) => {
        const call = await open();
        const wholes = new Map(all.map(({ choice, channel, text }) => [channelKey({ choice, channel }), whole(text, channel === Channel.TOOL_ARGUMENTS || channel === Channel.FUNCTION_ARGUMENTS)]));
        const waiting = all.map(({ choice, channel, text, at }) => cutAt(text, at).map((piece) => delta(piece, { choice, channel })));
        const left: ChatEvent[] = [];
        for (let rest = waiting; (rest = rest.filter((pieces) => pieces.length > 0)).length > 0; ) {
          left.push(...(await call.output([rest[picks.next().value % rest.length]!.shift()!], false, turn)).events);
          for (const [key, text] of Object.entries(clientView(left).texts)) expect(wholes.get(key)!.text.startsWith(text)).toBe(true);
        }
        left.push(...(await call.output([finished(0), finished(1)], true, turn)).events);
        const { texts: seen, reasons } = clientView(left);
        for (const choice of [0, 1]) {
          const own = all.filter((each) => each.choice === choice).map((each) => channelKey(each));
          const isBlocked = own.some((key) => wholes.get(key)!.blocked);
          expect(reasons[choice]).toBe(isBlocked ? 'content_filter' : 'stop');
          if (!isBlocked) for (const key of own) expect(seen[key] ?? '').toBe(wholes.get(key)!.text);
        }
      }),
      { numRuns: 250 },
    );
  });

  it('keeps arguments valid JSON, whatever it masks in them', () => {
    fc.assert(
      fc.property(sources, (source) => {
        const { text, blocked } = whole(source, true);
        if (!blocked) expect(Object.keys(JSON.parse(text) as object)).toEqual(['name', 'n']);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ['{"to":"jo\\u0040ex.org","n":13800138000}', /^\{"to":"[^@]*\*[^"]*","n":"138\*+8000"\}$/],
    ['{"q":"an \\u006ftter k-123"}', /^\{"q":"an \*{5} \*{5}"\}$/],
    ['{"q":"b\\u0061dgers, o\\u0074ter"}', /^\{"q":"b\\u0061dgers, \*{5}"\}$/],
  ])('masks in %s, cut in every way', async (source, expected) => {
    for (const pieces of allCuts(source)) {
      const call = await open();
      const events = pieces.map((piece) => delta(piece, { channel: Channel.TOOL_ARGUMENTS, tool: { index: 0 } }));
      expect(clientView((await call.output(events, true, turn)).events).texts['0/TOOL_ARGUMENTS/0']).toMatch(expected);
    }
  });

  it('lets nothing of a blocked word out of arguments, cut in every way', async () => {
    for (const pieces of allCuts('{"q":"a \\u654f\\u611f\\u8bcd b"}')) {
      const call = await open();
      const events = pieces.map((piece) => delta(piece, { channel: Channel.TOOL_ARGUMENTS, tool: { index: 0 } }));
      const { texts: seen, reasons } = clientView((await call.output(events, true, turn)).events);
      expect(seen['0/TOOL_ARGUMENTS/0']).toBe('{"q":"a ');
      expect(reasons).toEqual({ 0: 'content_filter' });
    }
  });

  it('masks the strings of a call, and refuses it for a number', async () => {
    const verdictOn = (messages: string) =>
      new CallFilter({ callId: 'c', organisationId: 'org', projectId: 'p' }, { policies: { of: () => policy }, hash: () => new Uint8Array(1) }).input(create(ChatCallSchema, { messages: Buffer.from(messages), choices: 1 }), turn);
    const masked = await verdictOn('[{"role":"user","content":"I am jo\\u0040ex.org, 13800138000", "n": 42}]');
    expect(masked.action).toBe('mask');
    expect(Buffer.from(masked.call!.messages).toString()).toMatch(/^\[\{"role":"user","content":"I am [^@]*\*[^"]*, 138\*+8000", "n": 42\}\]$/);
    const refused = await verdictOn('[{"role":"user","content":"otter", "phone": 1.3800138e10}]');
    expect(refused.action).toBe('block');
    expect(Buffer.from(refused.call!.messages).toString()).toMatch(/^\[\{"role":"user","content":"\*{5}", "phone": "138\*+8000"\}\]$/);
  });
});
