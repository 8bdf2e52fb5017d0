import { ScriptedPolicy, type ScriptedRule } from '../domain/call/testing/scripted-policy.ts';
import type { Compiler } from '../domain/ports.ts';
import type { Rule } from '../domain/rule.ts';

interface Scripted {
  readonly rules: readonly Rule[];
}

/** Compiles words to policies that find them the plainest way, when the test lets it. */
export class ScriptedCompiler implements Compiler<Scripted> {
  /** The ids of what was compiled, in order. */
  readonly compiled: string[] = [];
  /** Awaited before rules are compiled; may fail. */
  before: (rules: readonly Rule[]) => Promise<void> = () => Promise.resolve();

  async partsOf(expressions: readonly string[]): Promise<number> {
    return expressions.join('').length;
  }

  refuseUnfit(rule: Rule): Promise<void> {
    return this.before([rule]);
  }

  async alone(rule: Rule): Promise<ScriptedPolicy> {
    return this.policy(0n, [{ rules: [{ ...rule, action: 'flag', direction: 'both' }] }]);
  }

  async compile(rules: readonly Rule[]): Promise<Scripted> {
    await this.before(rules);
    this.compiled.push(rules.map(({ id }) => id).join());
    return { rules };
  }

  policy(version: bigint, parts: readonly Scripted[]): ScriptedPolicy {
    const scripted = parts.flatMap(({ rules }) => rules).flatMap(({ patterns, action, direction }) => patterns.flatMap((word): ScriptedRule[] =>
      action === 'allow' ? [] : [{ word, action, ...(direction === 'both' ? {} : { direction }) }]));
    return new ScriptedPolicy(scripted, version);
  }
}
