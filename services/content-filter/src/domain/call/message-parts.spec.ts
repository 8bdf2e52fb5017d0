import { describe, expect, it } from '@jest/globals';
import { MessageParts, type PartText } from './message-parts.ts';
import { finish } from './testing/finish.ts';
import { ScriptedPolicy } from './testing/scripted-policy.ts';

const policy = new ScriptedPolicy([{ word: 'bad', action: 'block' }, { word: 'abc', action: 'mask' }]);

/** A part by its type, its text, and which text it is. */
type Said = readonly [type: string, text: string, kind?: PartText['type']];

function read(...messages: readonly (readonly Said[])[]): { rules: (number | undefined)[]; found: [number, string][] } {
  const found: [number, string][] = [];
  const parts = new MessageParts(policy, (matches, message) => found.push(...matches.map(({ text }): [number, string] => [message, text])));
  const rules: (number | undefined)[] = [];
  let part = 0;
  messages.forEach((said, message) => {
    for (const [type, text, kind = 'text'] of said) {
      part++;
      // Types stand before their text and behind it.
      if (part % 2 === 0) parts.type(type, part);
      rules.push(finish(parts.add({ text, alone: [], type: kind, part, list: 0 }, message)));
      parts.type(type, part);
    }
  });
  rules.push(finish(parts.end()));
  return { rules, found };
}

describe('message parts', () => {
  it('are read together as they stand', () => {
    expect(read([['text', 'b'], ['text', 'a'], ['text', 'd']])).toEqual({ rules: [undefined, undefined, 0, undefined], found: [[0, 'bad']] });
    expect(read([['text', 'b'], ['refusal', 'a', 'refusal'], ['text', 'd']]).rules).toEqual([undefined, undefined, 0, undefined]);
    expect(read([['text', 'a b'], ['text', 'c']], [['text', 'ba']], [['text', 'd']]).rules).toEqual([undefined, undefined, undefined, undefined, undefined]);
  });

  it('are read again without the texts that no model reads, when their message is over', () => {
    expect(read([['text', 'b'], ['image_url', 'x'], ['text', 'ad']])).toEqual({ rules: [undefined, undefined, undefined, 0], found: [[0, 'bad']] });
    expect(read([['text', 'a'], ['text', 'x', 'refusal'], ['text', 'bc']], [['text', 'x']], [['text', 'y']])).toEqual({ rules: [undefined, undefined, undefined, 1, undefined, undefined], found: [[0, 'abc']] });
    expect(read([['image_url', 'b'], ['text', 'ad']]).rules).toEqual([undefined, 0, undefined]);
  });

  it('are of a part the last text alone, when there are two', () => {
    const parts = new MessageParts(policy, () => undefined);
    const add = (text: string, part: number): number | undefined => finish(parts.add({ text, alone: [], type: 'text', part, list: 0 }, 0));
    for (const part of [1, 2, 3]) parts.type('text', part);
    expect([add('b', 1), add('x', 2), add('a', 2), add('d', 3), finish(parts.end())]).toEqual([undefined, undefined, undefined, undefined, 0]);
  });

  it('are of a content that is there twice each list by itself', () => {
    // The word is one only where nothing else stands.
    const whole = Object.assign(Object.create(policy) as ScriptedPolicy, {
      open: () => {
        let said = '';
        return { held: 0, push: (piece: string) => ((said += piece), { text: '', matches: [] }), end: () => (said === 'bad' ? { text: '', matches: [{ rule: 0, start: 0, end: 3, text: said }], blockedBy: 0 } : { text: said, matches: [] }) };
      },
    });
    const verdict = (...texts: readonly (readonly [text: string, list: number])[]): number | undefined => {
      const parts = new MessageParts(whole, () => undefined);
      texts.forEach((_, part) => parts.type('text', part));
      texts.forEach(([text, list], part) => expect(finish(parts.add({ text, alone: [], type: 'text', part, list }, 0))).toBeUndefined());
      return finish(parts.end());
    };
    expect(verdict(['x', 1], ['b', 2], ['ad', 2])).toBe(0);
    expect(verdict(['b', 1], ['ad', 1], ['x', 2], ['y', 2])).toBe(0);
    expect(verdict(['x', 1], ['b', 2], ['ad', 2], ['x', 3])).toBe(0);
    expect(verdict(['ba', 1], ['d', 2])).toBe(0);
    expect(verdict(['x', 1], ['b', 1], ['ad', 2], ['x', 2])).toBeUndefined();
  });

  it('are read as all texts, as those of their type, and each without refusals', () => {
    const between = (type: string, kind: PartText['type']) => read([['text', 'b'], [type, 'x', kind], ['text', 'ad']]).rules.at(-1);
    expect([between('refusal', 'refusal'), between('image_url', 'text'), between('image_url', 'refusal')]).toEqual([0, 0, 0]);
    // A template that reads whatever text there is.
    expect(read([['text', 'b'], ['refusal', 'x', 'refusal'], ['image_url', 'ad']]).rules.at(-1)).toBe(0);
    expect(read([['text', 'b'], ['refusal', 'x', 'refusal'], ['image_url', 'x'], ['text', 'ad']]).rules.at(-1)).toBe(0);
    expect(read([['refusal', 'b', 'refusal'], ['text', 'x'], ['refusal', 'ad', 'refusal']]).rules.at(-1)).toBeUndefined();
  });

  it('go on with the next message behind one that is refused', () => {
    expect(read([['text', 'a'], ['image_url', 'x'], ['text', 'bc']], [['text', 'b'], ['text', 'ad']])).toEqual({ rules: [undefined, undefined, undefined, 1, 0, undefined], found: [[0, 'abc'], [1, 'bad']] });
  });
});
