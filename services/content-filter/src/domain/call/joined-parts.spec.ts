import { describe, expect, it } from '@jest/globals';
import { JoinedParts } from './joined-parts.ts';
import { finish } from './testing/finish.ts';
import type { TextMatch } from './policy.ts';
import { ScriptedPolicy } from './testing/scripted-policy.ts';

const policy = new ScriptedPolicy([{ word: 'hm', action: 'flag' }, { word: 'bad', action: 'block' }]);

function open(): { parts: JoinedParts; found: [number, TextMatch[]][] } {
  const found: [number, TextMatch[]][] = [];
  return { parts: new JoinedParts(policy, (matches, message) => found.push([message, [...matches]])), found };
}

describe('joined parts', () => {
  it('block what they say together', () => {
    const { parts, found } = open();
    expect([finish(parts.add('hm b', [{ rule: 0, start: 0, end: 2, text: 'hm' }], 4)), finish(parts.add('a', [], 4)), finish(parts.add('d', [], 4))]).toEqual([undefined, undefined, 1]);
    expect(found).toEqual([[4, [{ rule: 1, start: 3, end: 6, text: 'bad' }]]]);
  });

  it('block a word that is one only because nothing follows, at the next message and at the end', () => {
    const wholeWords = new ScriptedPolicy([{ word: 'bad', action: 'block' }]);
    const held = Object.assign(Object.create(wholeWords) as ScriptedPolicy, {
      open: () => {
        let text = '';
        return { held: 0, push: (piece: string) => ((text += piece), { text: '', matches: [] }), end: () => (text.endsWith('bad') ? { text: '', matches: [{ rule: 0, start: text.length - 3, end: text.length, text: 'bad' }], blockedBy: 0 } : { text, matches: [] }) };
      },
    });
    const parts = new JoinedParts(held, () => undefined);
    expect([finish(parts.add('b', [], 0)), finish(parts.add('ad', [], 0)), finish(parts.add('x', [], 1))]).toEqual([undefined, undefined, 0]);
    expect([finish(parts.add('y ba', [], 1)), finish(parts.add('d', [], 1)), parts.end(), parts.end()]).toEqual([undefined, undefined, 0, undefined]);
  });

  it('refuse what would be masked and is cut, and leave alone what stands in one part', () => {
    const masks = new ScriptedPolicy([{ word: 'secret', action: 'mask' }]);
    const found: TextMatch[] = [];
    const parts = new JoinedParts(masks, (matches) => void found.push(...matches));
    const alone = (start: number): TextMatch[] => [{ rule: 0, start, end: start + 6, text: 'secret' }];
    expect([finish(parts.add('a secret b', alone(2), 0)), finish(parts.add('secret', alone(0), 0)), finish(parts.add(' sec', [], 0)), finish(parts.add('ret', [], 0)) ?? parts.end()]).toEqual([undefined, undefined, undefined, 0]);
    expect(found).toMatchObject([{ rule: 0, start: 17, end: 23 }]);
  });

  it('refuse what goes on beyond all that the parts hide by themselves, and nothing that they hide', () => {
    const letters = new ScriptedPolicy([{ word: 'ab', action: 'mask' }, { word: 'abc', action: 'mask' }, { word: 'c', action: 'flag' }]);
    const alone = (start: number, end: number, rule = 0): TextMatch => ({ rule, start, end, text: 'abc'.slice(0, end - start) });
    const refused = (first: TextMatch[], second: TextMatch[]): number | undefined => {
      const parts = new JoinedParts(letters, () => undefined);
      finish(parts.add('before', [alone(2, 5, 1)], 0));
      return finish(parts.add('x ab', first, 0)) ?? finish(parts.add('c', second, 0)) ?? parts.end();
    };
    expect(refused([alone(2, 4)], [])).toBe(1);
    expect(refused([alone(2, 4)], [alone(0, 1, 2)])).toBe(1);
    expect(refused([alone(2, 4)], [alone(0, 1)])).toBeUndefined();
    expect(refused([alone(2, 4)], [alone(0, 1, 1)])).toBeUndefined();
    expect(refused([alone(3, 4), alone(2, 3)], [alone(0, 1)])).toBeUndefined();
    expect(refused([alone(3, 4)], [alone(0, 1)])).toBe(0);
    expect(refused([], [])).toBe(0);
  });

  it('know of each message what its own parts hide, and where', () => {
    const masks = new ScriptedPolicy([{ word: 'abc', action: 'mask' }]);
    const parts = new JoinedParts(masks, () => undefined);
    const alone: TextMatch[] = [{ rule: 0, start: 0, end: 3, text: 'abc' }];
    const message = (index: number, ...some: readonly (readonly [string, TextMatch[]])[]): number | undefined => some.map(([part, shown]) => finish(parts.add(part, shown, index))).find((rule) => rule !== undefined);
    expect(message(0, ['abc', alone], ['x', []], ['abc', alone])).toBeUndefined();
    expect(message(1, ['abc', alone], ['xx', []], ['abc', alone], ['yy', []])).toBeUndefined();
    expect(message(2, ['ab', []], ['c', []])).toBe(0);
  });

  it('tell what is flagged and no part shows', () => {
    const { parts, found } = open();
    for (const [part, alone] of [['hm h', [{ rule: 0, start: 0, end: 2, text: 'hm' }]], ['m', []], [' hm', [{ rule: 0, start: 1, end: 3, text: 'hm' }]]] as const) finish(parts.add(part, alone, 3));
    expect(parts.end()).toBeUndefined();
    expect(found).toEqual([[3, [{ rule: 0, start: 3, end: 5, text: 'hm' }]]]);
  });

  it('begin anew with each message', () => {
    const { parts } = open();
    expect([finish(parts.add('b', [], 0)), finish(parts.add('x', [], 0)), finish(parts.add('ba', [], 1)), finish(parts.add('d', [], 2))]).toEqual([undefined, undefined, undefined, undefined]);
    // Those of another field have the same numbers.
    expect([finish(parts.add('ba', [], 0)), parts.end(), finish(parts.add('d', [], 0)), finish(parts.add('x', [], 0)), parts.end()]).toEqual([undefined, undefined, undefined, undefined, undefined]);
  });

  it('cost nothing while a message has one part', () => {
    const { parts } = open();
    let opened = 0;
    const counting = new JoinedParts(Object.assign(Object.create(policy) as ScriptedPolicy, { open: () => (opened++, policy.open('in')) }), () => undefined);
    for (let message = 0; message < 5; message++) {
      finish(parts.add('x', [], message));
      finish(counting.add('x', [], message));
    }
    expect(opened).toBe(0);
  });
});
