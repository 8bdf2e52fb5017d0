import { describe, expect, it } from '@jest/globals';
import { TRY_TEXT_LIMIT_UNITS } from './limits.ts';
import type { TextDirection } from './policy.ts';
import { finish } from './testing/finish.ts';
import { MASK, ScriptedPolicy } from './testing/scripted-policy.ts';
import { tryText, type Tried } from './try-text.ts';

const policy = new ScriptedPolicy([{ word: 'abc', action: 'mask', direction: 'in' }, { word: 'bad', action: 'block', direction: 'out' }, { word: 'hm', action: 'flag' }]);
const run = (text: string, ...directions: TextDirection[]): Tried => finish(tryText(policy, 'org', (_organisation, found) => Buffer.from(found), text, directions));

describe('trying a text', () => {
  it('does what the rules of a direction do', () => {
    expect(run('abc bad', 'in')).toMatchObject({ text: `${MASK} bad`, action: 'mask', title: '' });
    expect(run('abc bad', 'out')).toMatchObject({ text: 'abc ', action: 'block', title: 'Title 1' });
    expect(run('hm', 'out')).toMatchObject({ text: 'hm', action: 'flag' });
    expect(run('fine', 'in')).toMatchObject({ text: 'fine', action: undefined });
  });

  it('tells the strictest of both directions, and the hits of both', () => {
    const tried = run('abc bad hm', 'in', 'out');
    expect(tried).toMatchObject({ text: 'abc ', action: 'block' });
    expect(tried.hits.all.map(({ ruleId }) => ruleId)).toEqual(['rule-0', 'rule-2', 'rule-1']);
  });

  it('refuses a text that is too long for a trial', () => {
    expect(() => run('x'.repeat(TRY_TEXT_LIMIT_UNITS + 1), 'in')).toThrow(expect.objectContaining({ code: 'invalid_value', param: 'text' }));
  });
});
