import { describe, expect, it } from '@jest/globals';
import { AutomatonCompiler } from '../../adapters/automaton-compiler.ts';
import { rule } from '../../testing/rules.ts';
import { CALL_STEPS_LIMIT, STRETCH_UNITS, tooMuchToLookAt, TURN_STEPS } from './limits.ts';
import { lookAt } from './whole-text.ts';
import { inTurns, MeteredPolicy, Work } from './work.ts';

const tooMuch = () => tooMuchToLookAt('messages');

describe('the work of a call', () => {
  it('is over for now after a turn of it, and for ever after too much of it', () => {
    const work = new Work(tooMuch);
    work.spend(TURN_STEPS - 1);
    expect(work.isTurnOver()).toBe(false);
    work.spend(1);
    expect([work.isTurnOver(), work.isTurnOver()]).toEqual([true, false]);
    for (let spent = TURN_STEPS; spent <= CALL_STEPS_LIMIT - TURN_STEPS; spent += TURN_STEPS) work.spend(TURN_STEPS);
    expect(() => work.spend(TURN_STEPS)).toThrow(expect.objectContaining({ code: 'invalid_value', param: 'messages' }));
  });

  it('is let rest by turns, whatever the expressions: none costs more than a turn and a stretch', async () => {
    const compiler = new AutomatonCompiler();
    // Which of 150 places are taken depends on 150 letters: nothing can be remembered.
    const rules = Array.from({ length: 20 }, (_, index) => rule(`r${index}`, { kind: 'regex', patterns: [`[ab]*a[ab]{150}c${index}`], action: 'flag' }));
    const work = new Work(tooMuch);
    let inTurn = 0;
    let most = 0;
    const counting = Object.assign(new Work(tooMuch), { spend: (steps: number) => (work.spend(steps), (inTurn += steps), (most = Math.max(most, inTurn))) });
    const policy = new MeteredPolicy(compiler.policy(1n, [await compiler.compile(rules)]), counting);
    let state = 7;
    const text = Array.from({ length: 4_096 }, () => 'ab'[(state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 31]).join('');
    await inTurns(lookAt(policy.open('in'), text), work, async () => void (inTurn = 0));
    // Two looks an instruction.
    expect(most).toBeLessThan(TURN_STEPS + STRETCH_UNITS * 20 * 160 * 2);
    expect(most).toBeGreaterThan(TURN_STEPS);
  });
});
