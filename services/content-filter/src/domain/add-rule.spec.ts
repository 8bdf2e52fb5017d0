import { describe, expect, it } from '@jest/globals';
import { ManualClock, systemIds } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { ScriptedCompiler } from '../testing/scripted-compiler.ts';
import { addRule, MAX_EXPRESSION_PARTS } from './add-rule.ts';
import type { GivenRule } from './check-rule.ts';
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
    compiler, inForce: { reached: async () => void asked.push('force') }, clock, ids: systemIds(clock),
  };
  return { administration, asked, compiler };
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
    const inForce = ['x'.repeat(MAX_EXPRESSION_PARTS - 6)];
    const added: string[] = [];
    const state: RuleState = {
      version: 1n, rule: async () => undefined, totals: async () => ({ rules: 1, patterns: 1, projects: [] }), expressions: async () => inForce, same: async () => undefined,
      addRule: async (rule) => void added.push(...rule.patterns), removeRule: async () => undefined, record: async () => undefined,
    };
    const acts: Administration['acts'] = { act: (_organisationId, work) => work(state) };
    const add = (pattern: string, kind = 'regex') => addRule({ ...administration, acts }, actor, '', given({ kind, patterns: [pattern] }));
    await expect(add('badger+')).rejects.toMatchObject({ code: 'failed_precondition', param: 'patterns', message: expect.stringMatching(/at most 10000 parts; this one has 7, and those in force have 9994/) });
    await add('badger');
    await add('badgers of any length', 'word');
    expect(added).toEqual(['badger', 'badgers of any length']);
    expect(compiler.compiled).toEqual([]);
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
