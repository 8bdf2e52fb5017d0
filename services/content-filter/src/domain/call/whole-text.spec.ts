import { describe, expect, it } from '@jest/globals';
import { INPUT_TURN_UNITS } from './limits.ts';
import { MASK, ScriptedPolicy } from './testing/scripted-policy.ts';
import { lookAt, lookAtOnce } from './whole-text.ts';

const policy = new ScriptedPolicy([{ word: 'abc', action: 'mask' }, { word: 'bad', action: 'block' }]);

describe('whole text', () => {
  it('gives what leaves and what was found', () => {
    expect(lookAtOnce(policy.open('out'), 'xabcab')).toEqual({ text: `x${MASK}ab`, matches: [{ rule: 0, start: 1, end: 4, text: 'abc' }] });
    expect(lookAtOnce(policy.open('out'), 'x bad y')).toMatchObject({ text: 'x ', blockedBy: 1 });
    expect(lookAtOnce(policy.open('out'), '')).toEqual({ text: '', matches: [] });
  });

  it('gives others a turn between stretches, and finds what lies across', () => {
    const text = `${'x'.repeat(INPUT_TURN_UNITS - 1)}abc${'y'.repeat(INPUT_TURN_UNITS)}`;
    const steps = lookAt(policy.open('in'), text);
    let turns = 0;
    let step = steps.next();
    for (; !step.done; step = steps.next()) turns++;
    expect(turns).toBe(2);
    expect(step.value.text).toBe(text.replace('abc', MASK));
    expect(step.value.matches).toMatchObject([{ start: INPUT_TURN_UNITS - 1 }]);
  });
});
