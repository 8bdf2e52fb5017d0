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
    expect([finish(parts.add('hm b', [], 4)), finish(parts.add('a', [], 4)), finish(parts.add('d', [], 4))]).toEqual([undefined, undefined, 1]);
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
    expect([finish(parts.add('a secret b', [], 0)), finish(parts.add('secret', [], 0)), finish(parts.add(' sec', [], 0)), finish(parts.add('ret', [], 0)) ?? parts.end()]).toEqual([undefined, undefined, undefined, 0]);
    expect(found).toMatchObject([{ rule: 0, start: 17, end: 23 }]);
  });

  it('leave alone what a part shows by itself, although it goes on in the next', () => {
    const letters = new ScriptedPolicy([{ word: 'ab', action: 'mask' }, { word: 'abc', action: 'mask' }]);
    const alone = (start: number, rule: number): TextMatch[] => [{ rule, start, end: start + 2, text: 'ab' }];
    const refused = (shown: TextMatch[], first = 'x ab', second = 'c'): number | undefined => {
      const parts = new JoinedParts(letters, () => undefined);
      finish(parts.add('before', alone(2, 1), 0));
      return finish(parts.add(first, shown, 0)) ?? finish(parts.add(second, [], 0)) ?? parts.end();
    };
    expect([refused(alone(2, 1)), refused(alone(2, 0)), refused(alone(1, 1)), refused([])]).toEqual([undefined, 1, 1, 1]);
  });

  it('begin anew with each message', () => {
    const { parts } = open();
    expect([finish(parts.add('b', [], 0)), finish(parts.add('x', [], 0)), finish(parts.add('ba', [], 1)), finish(parts.add('d', [], 2))]).toEqual([undefined, undefined, undefined, undefined]);
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
