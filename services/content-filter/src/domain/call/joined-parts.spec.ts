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
    expect([finish(parts.add('hm b', 4)), finish(parts.add('a', 4)), finish(parts.add('d', 4))]).toEqual([undefined, undefined, 1]);
    expect(found).toEqual([[4, [{ rule: 1, start: 3, end: 6, text: 'bad' }]]]);
  });

  it('begin anew with each message', () => {
    const { parts } = open();
    expect([finish(parts.add('b', 0)), finish(parts.add('x', 0)), finish(parts.add('ba', 1)), finish(parts.add('d', 2))]).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('cost nothing while a message has one part', () => {
    const { parts } = open();
    let opened = 0;
    const counting = new JoinedParts(Object.assign(Object.create(policy) as ScriptedPolicy, { open: () => (opened++, policy.open('in')) }), () => undefined);
    for (let message = 0; message < 5; message++) {
      finish(parts.add('x', message));
      finish(counting.add('x', message));
    }
    expect(opened).toBe(0);
  });
});
