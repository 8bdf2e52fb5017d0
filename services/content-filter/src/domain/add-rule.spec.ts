import { describe, expect, it } from '@jest/globals';
import { ManualClock, systemIds } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { ScriptedCompiler } from '../testing/scripted-compiler.ts';
import { addRule, MAX_EXPRESSION_PARTS } from './add-rule.ts';
import { MAX_CHARACTERS, type GivenRule } from './check-rule.ts';
import type { Administration, RuleState } from './ports.ts';
import { removeRule } from './remove-rule.ts';

const clock = new ManualClock();
const actor = { keyId: 'key_1', organisationId: 'org' };
const given = (more: Partial<GivenRule> = {}): GivenRule => ({ kind: 'word', patterns: ['badger'], action: 'block', direction: undefined, title: '', ...more });

/** An administration that must not come to the tables; tells what it was asked. */
function guarded(permissions: Partial<Administration['permissions']> = {}): { administration: Administration; asked: string[]; compiler: ScriptedCompiler } {
  const asked: string[] = [];
  const compiler = new ScriptedCompiler();
  const administration: Administration = {
    acts: { act: async () => { asked.push('act'); throw new Error('must not come here'); } },
    permissions: {
      require: async () => void asked.push('permission'),
      hasProject: async () => asked.push('project') > 0,
      ...permissions,
    },
    compiler, rehearsals: { rehearse: async (_rule, _untilMs, first) => { await first(AbortSignal.abort()); asked.push('rehearsal'); return (kept) => void asked.push(kept === undefined ? 'forgotten' : `kept as ${kept}`); } }, clock, ids: systemIds(clock),
  };
  return { administration, asked, compiler };
}

/** Tables that hold some rules, and take more. */
function kept({ expressions = [], characters = 0 }: { expressions?: readonly string[]; characters?: number }): { acts: Administration['acts']; added: string[] } {
  const added: string[] = [];
  const state: RuleState = {
    version: 1n, rule: async () => undefined, totals: async () => ({ rules: 1, patterns: 1, characters, projects: [] }), expressions: async () => expressions, same: async () => undefined,
    addRule: async (rule) => void added.push(...rule.patterns), removeRule: async () => undefined, record: async () => undefined,
  };
  return { acts: { act: (_organisationId, work) => work(state) }, added };
}

describe('addRule', () => {
  it('asks nobody about a rule that is not well formed', async () => {
    const { administration, asked } = guarded();
    await expect(addRule(administration, actor, 'project', given({ kind: 'x' }))).rejects.toMatchObject({ code: 'invalid_value', param: 'kind' });
    expect(asked).toEqual([]);
  });

  it('touches nothing before access has said that the actor may, and that the project is there', async () => {
    const no = guarded({ require: async () => { throw new ServiceError('insufficient_permissions', 'No.'); } });
    await expect(addRule(no.administration, actor, 'project', given())).rejects.toMatchObject({ code: 'insufficient_permissions' });
    await expect(removeRule(no.administration, actor, 'rule_1')).rejects.toMatchObject({ code: 'insufficient_permissions' });
    const nowhere = guarded({ hasProject: async () => false });
    await expect(addRule(nowhere.administration, actor, 'project', given())).rejects.toMatchObject({ code: 'not_found', param: 'project_id' });
    expect([no.asked, nowhere.asked, no.compiler.compiled, nowhere.compiler.compiled]).toEqual([[], ['permission'], [], []]);
  });

  it('keeps no rule that cannot be compiled', async () => {
    const { administration, asked, compiler } = guarded();
    compiler.before = () => Promise.reject(new ServiceError('invalid_value', 'Not linear at 3.', { param: 'patterns' }));
    await expect(addRule(administration, actor, '', given())).rejects.toMatchObject({ code: 'invalid_value', param: 'patterns' });
    expect(asked).toEqual(['permission']);
  });

  it('takes no more regular expressions than a process can look for, and says what is too large', async () => {
    const { administration, compiler } = guarded();
    const { acts, added } = kept({ expressions: ['x'.repeat(MAX_EXPRESSION_PARTS - 6)] });
    const add = (pattern: string, kind = 'regex') => addRule({ ...administration, acts }, actor, '', given({ kind, patterns: [pattern] }));
    await expect(add('badger+')).rejects.toMatchObject({ code: 'failed_precondition', param: 'patterns', message: expect.stringMatching(/at most 10000 parts; this one has 7, and those in force have 9994/) });
    await add('badger');
    await add('badgers of any length', 'word');
    expect(added).toEqual(['badger', 'badgers of any length']);
    expect(compiler.compiled).toEqual([]);
  });

  it('keeps no rule that cannot be compiled beside those in force, and frees what was compiled: at once, or when it is taken over', async () => {
    const { administration, asked } = guarded();
    const refusal = new ServiceError('invalid_value', 'Too long.', { param: 'patterns' });
    const rehearsals = { rehearse: () => Promise.reject(refusal) };
    await expect(addRule({ ...administration, rehearsals }, actor, '', given())).rejects.toBe(refusal);
    await expect(addRule(administration, actor, '', given())).rejects.toThrow('must not come here');
    await addRule({ ...administration, acts: kept({}).acts }, actor, '', given());
    expect(asked).toEqual(['permission', 'permission', 'rehearsal', 'act', 'forgotten', 'permission', 'rehearsal', 'kept as 1']);
  });

  it('gives all that comes before it is kept one deadline, which begins with the request', async () => {
    const asked: number[] = [];
    const { administration } = guarded({ require: async () => clock.advance(2_000) });
    const { acts, added } = kept({});
    const rehearsals = { rehearse: async (_rule: unknown, untilMs: number) => (asked.push(untilMs - clock.monotonicMs()), () => undefined) };
    await addRule({ ...administration, rehearsals, acts }, actor, '', given());
    expect([asked, added]).toEqual([[7_000], ['badger']]);
  });

  it('takes no more characters of words than an organisation has room for, as code points', async () => {
    const { administration } = guarded();
    const { acts, added } = kept({ characters: MAX_CHARACTERS - 3 });
    const add = (...patterns: string[]) => addRule({ ...administration, acts }, actor, '', given({ patterns }));
    await expect(add('ab', 'cd')).rejects.toMatchObject({ code: 'failed_precondition', param: 'patterns', message: expect.stringMatching(/at most 2000000 characters together; these have 4, and those in force have 1999997/) });
    await add('𠮷', 'cd');
    expect(added).toEqual(['𠮷', 'cd']);
  });

  it.each(['block', 'mask', 'flag', 'allow'] as const)('takes no title that says what a rule looks for: %s', async (action) => {
    for (const direction of ['in', 'out', 'both'] as const) {
      const { administration, asked } = guarded();
      const refusal = await addRule(administration, actor, '', given({ action, direction, title: 'no badgers' })).catch((thrown: unknown) => thrown);
      expect(refusal).toMatchObject({ code: 'invalid_value', param: 'title' });
      expect(String(refusal)).not.toContain('badger');
      expect(asked).toEqual(['permission']);
    }
  });
});
