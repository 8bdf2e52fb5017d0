import { describe, expect, it } from '@jest/globals';
import { rule } from '../testing/rules.ts';
import { ScriptedCompiler } from '../testing/scripted-compiler.ts';
import type { Policy } from './call/policy.ts';
import { compilePolicies } from './organisation-policies.ts';

const blocks = (policy: Policy, text: string): boolean => policy.open('in').push(text).blockedBy !== undefined;

describe('the policies of an organisation', () => {
  const everywhere = rule('badger');
  const [ours, theirs] = [rule('otter', { projectId: 'ours' }), rule('stoat', { projectId: 'theirs' })];

  it('apply the rules of the organisation everywhere, and those of a project there alone', async () => {
    const policies = await compilePolicies(new ScriptedCompiler(), { version: 3n, rules: [ours, everywhere, theirs] });
    const found = ['ours', 'theirs', 'other'].map((project) => ['badger', 'otter', 'stoat'].map((word) => blocks(policies.of(project), word)));
    expect(found).toEqual([[true, true, false], [true, false, true], [true, false, false]]);
    expect(['ours', 'other'].map((project) => policies.of(project).version)).toEqual([3n, 3n]);
  });

  it('filter nothing where there is no rule', async () => {
    const none = await compilePolicies(new ScriptedCompiler(), { version: 4n, rules: [] });
    expect(none.of('ours')).toMatchObject({ version: 4n, filtersInput: false, filtersOutput: false });
    const one = await compilePolicies(new ScriptedCompiler(), { version: 5n, rules: [ours] });
    expect([one.of('ours').filtersInput, one.of('other').filtersInput]).toEqual([true, false]);
  });

  it('compile again only the places whose rules changed, and count up everywhere', async () => {
    const compiler = new ScriptedCompiler();
    const before = await compilePolicies(compiler, { version: 1n, rules: [everywhere, ours, theirs] });
    compiler.compiled.length = 0;
    const after = await compilePolicies(compiler, { version: 2n, rules: [everywhere, ours, theirs, rule('weasel', { projectId: 'ours' })] }, before.parts);
    expect(compiler.compiled).toEqual(['otter,weasel']);
    expect(['ours', 'theirs', 'other'].map((project) => after.of(project).version)).toEqual([2n, 2n, 2n]);
    expect([blocks(after.of('ours'), 'weasel'), blocks(before.of('ours'), 'weasel'), blocks(after.of('theirs'), 'badger')]).toEqual([true, false, true]);
  });
});
