import { describe, expect, it } from '@jest/globals';
import { STRETCH_UNITS } from './limits.ts';
import { finish } from './testing/finish.ts';
import { MASK, ScriptedPolicy } from './testing/scripted-policy.ts';
import { lookAt, pushed } from './whole-text.ts';

const policy = new ScriptedPolicy([{ word: 'abc', action: 'mask' }, { word: 'bad', action: 'block' }]);

describe('whole text', () => {
  it('gives what leaves and what was found', () => {
    expect(finish(lookAt(policy.open('out'), 'xabcab'))).toEqual({ text: `x${MASK}ab`, matches: [{ rule: 0, start: 1, end: 4, text: 'abc' }] });
    expect(finish(lookAt(policy.open('out'), 'x bad y'))).toMatchObject({ text: 'x ', blockedBy: 1 });
    expect(finish(lookAt(policy.open('out'), ''))).toEqual({ text: '', matches: [] });
  });

  it('gives others a turn between stretches, and finds what lies across', () => {
    const text = `${'x'.repeat(STRETCH_UNITS - 1)}abc${'y'.repeat(STRETCH_UNITS)}`;
    const steps = lookAt(policy.open('in'), text);
    let turns = 0;
    let step = steps.next();
    for (; !step.done; step = steps.next()) turns++;
    expect(turns).toBe(2);
    expect(step.value.text).toBe(text.replace('abc', MASK));
    expect(step.value.matches).toMatchObject([{ start: STRETCH_UNITS - 1 }]);
  });

  it('is the same in stretches as at once, piece by piece too', () => {
    const text = `${'x'.repeat(3 * STRETCH_UNITS - 2)}abc, bad`;
    const [stretched, atOnce] = [policy.open('out'), policy.open('out')];
    expect(finish(pushed(stretched, text))).toEqual(atOnce.push(text));
    expect(stretched.held).toBe(atOnce.held);
  });
});
