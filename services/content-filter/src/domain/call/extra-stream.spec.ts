import { describe, expect, it } from '@jest/globals';
import type { ChatEvent, Delta } from '@sluice/proto/chat/v1/chat';
import fc from 'fast-check';
import { ExtraStream } from './extra-stream.ts';
import type { TextMatch } from './policy.ts';
import { cutAt, cuts } from './testing/cut.ts';
import { finish } from './testing/finish.ts';
import { delta } from './testing/events.ts';
import { MASK, ScriptedPolicy } from './testing/scripted-policy.ts';

const policy = new ScriptedPolicy([{ word: 'bad', action: 'block' }, { word: 'abc', action: 'mask' }, { word: 'hm', action: 'flag' }]);

function run(events: readonly ChatEvent[]): { left: ChatEvent[]; found: TextMatch[]; isCut: boolean } {
  const found: TextMatch[] = [];
  const left: ChatEvent[] = [];
  const stream = new ExtraStream(policy, (matches) => found.push(...matches));
  for (const event of events) if (finish(stream.push(event, event.event.value as Delta, left))) return { left, found, isCut: true };
  return { left, found, isCut: stream.end(left) };
}

const extra = (value: unknown): ChatEvent => delta('', { extra: value });
const extraOf = (event: ChatEvent): string => Buffer.from((event.event.value as Delta).extraJson).toString();
const spoken = (transcript: string): ChatEvent => extra({ audio: { transcript } });

describe('members beside the text', () => {
  it('are the same event when nothing is found', () => {
    const event = extra({ annotations: [{ title: 'hm, fine', score: 1 }], n: 1.5 });
    const { left, found } = run([event]);
    expect(left).toEqual([event]);
    expect(left[0]).toBe(event);
    expect(found).toMatchObject([{ rule: 2, start: 0, end: 2 }]);
  });

  it('are masked string by string, and all else of them stays as it was written', () => {
    const source = '{"annotations" : [{"title":"an \\u0061bc", "score":1.50, "url":"/y"}]}';
    const event = extra({});
    const { left } = run([{ ...event, event: { case: 'delta', value: { ...(event.event.value as Delta), extraJson: Buffer.from(source) } } }]);
    expect(left.map(extraOf)).toEqual([source.replace('\\u0061bc', MASK)]);
  });

  it('block for a blocked word, also one that comes in pieces', () => {
    expect(run([spoken('a bad word')])).toMatchObject({ isCut: true, left: [] });
    expect(run([spoken('a b'), extra({ note: 'x' }), spoken('ad')])).toMatchObject({ isCut: true, left: [], found: [{ rule: 0, start: 2, end: 5 }] });
    expect(run([spoken('b'), extra({ note: 'ad' })])).toMatchObject({ isCut: false, left: { length: 2 } });
  });

  it('are covered where pieces of them make up what is masked, and leave when it is clear that they do not', () => {
    expect(run([spoken('xa'), extra({ audio: { data: 'AA', transcript: 'b' }, n: 1 }), spoken('cd'), spoken('e')]).left.map(extraOf)).toEqual([
      '{"audio":{"transcript":"***"}}', '{"audio":{"data":"","transcript":"***"},"n":1}', '{"audio":{"transcript":"***"}}', '{"audio":{"transcript":"e"}}',
    ]);
    const held = [spoken('xab'), spoken('d')];
    const left: ChatEvent[] = [];
    const stream = new ExtraStream(policy, () => undefined);
    expect(finish(stream.push(held[0]!, held[0]!.event.value as Delta, left))).toBe(false);
    expect(left).toEqual([]);
    finish(stream.push(held[1]!, held[1]!.event.value as Delta, left));
    expect(left).toEqual(held);
  });

  it('do not look at sound, where it is sound', () => {
    const event = extra({ audio: { id: 'a', data: 'AAbadAA', expires_at: 1 } });
    expect(run([event]).left[0]).toBe(event);
    expect(run([extra({ audio: { data: 'a bad word' } })]).isCut).toBe(true);
    expect(run([extra({ 'audio.data': 'bad' })]).isCut).toBe(true);
  });

  it('look at an id as a whole, which comes again with every piece', () => {
    const piece = extra({ audio: { id: 'dab', transcript: 'x' } });
    expect(run([extra({ audio: { id: 'ba' } }), extra({ audio: { id: 'd' } })]).isCut).toBe(false);
    expect(run([piece, piece]).left).toEqual([piece, piece]);
    expect(run([extra({ audio: { id: 'bad' } })])).toMatchObject({ isCut: true, left: [] });
    expect(run([extra({ audio: { id: 'abc' } })]).left.map(extraOf)).toEqual([`{"audio":{"id":"${MASK}"}}`]);
  });

  it('block for a name, also where a rule masks, and flag one', () => {
    expect(run([extra({ 'my bad plan': 1 })])).toMatchObject({ isCut: true, left: [], found: [{ rule: 0 }] });
    expect(run([extra({ zzz: [{ deep: { 'an abc': null } }] })])).toMatchObject({ isCut: true, left: [], found: [{ rule: 1 }] });
    const flagged = extra({ hm: 1 });
    expect(run([flagged, flagged])).toMatchObject({ isCut: false, left: [flagged, flagged], found: [{ rule: 2 }, { rule: 2 }] });
  });

  it('mask a number as a string, and block for one', () => {
    const numbers = new ScriptedPolicy([{ word: '4111', action: 'mask' }, { word: '77', action: 'block' }]);
    const left = (source: string): string[] | undefined => {
      const into: ChatEvent[] = [];
      const event = extra({});
      const value = { ...(event.event.value as Delta), extraJson: Buffer.from(source) };
      const given: ChatEvent = { ...event, event: { case: 'delta', value } };
      return finish(new ExtraStream(numbers, () => undefined).push(given, value, into)) ? undefined : into.map(extraOf);
    };
    expect(left('{"x":{"card":4111,"n":1.50}}')).toEqual([`{"x":{"card":"${MASK}","n":1.50}}`]);
    expect(left('{"x":4.111e3}')).toEqual([`{"x":"${MASK}"}`]);
    expect(left('{"x":[1,77]}')).toBeUndefined();
  });

  it('never let out a piece of what is masked or blocked, however it is cut', () => {
    const texts = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'abc', 'bad', ' '), { maxLength: 12 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(texts, cuts, (text, at) => {
        const pieces = cutAt(text, at);
        const { left, isCut } = run(pieces.map(spoken));
        const whole = policy.whole(text);
        expect(isCut).toBe(whole.blocked);
        const seen = left.map((event) => (JSON.parse(extraOf(event)) as { audio: { transcript: string } }).audio.transcript);
        if (whole.text === text) expect(seen.join('')).toBe(text);
        for (const piece of seen) expect(piece === '***' || piece.includes(MASK) || pieces.includes(piece)).toBe(true);
        expect(seen.join('')).not.toMatch(/bad/);
        // Every letter that left stands in what the whole text would have left, in order.
        let from = 0;
        for (const letter of seen.join('').replaceAll(MASK, '').replaceAll('*', '')) expect((from = whole.text.indexOf(letter, from) + 1)).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });

  it('refuse to hold objects without end', () => {
    const stream = new ExtraStream(policy, () => undefined);
    const fill = (): void => {
      for (let count = 0; count < 20_000; count++) {
        const event = count === 0 ? spoken('a') : extra({ n: 1 });
        finish(stream.push(event, event.event.value as Delta, []));
      }
    };
    expect(fill).toThrow(expect.objectContaining({ code: 'content_filter_unavailable' }));
    const large = [spoken('a'), ...Array.from({ length: 17 }, () => extra({ n: Array.from({ length: 600_000 }, () => 1) }))];
    expect(() => run(large)).toThrow(expect.objectContaining({ code: 'content_filter_unavailable' }));
    expect(run(large.slice(1)).left).toHaveLength(17);
  });
});
