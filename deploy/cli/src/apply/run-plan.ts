import { CommandFailed } from '../exit-code.ts';
import { NoAnswer, Refusal, type HttpApi } from '../platform-api/http-api.ts';
import { printableLine } from '../terminal/printable.ts';
import type { NewKey, Step } from './plan/plan.ts';

/** What became of a step. `unknown`: it was asked for, and no answer came. */
export type Outcome = 'done' | 'failed' | 'unknown' | 'not done';

/** What a run came to. */
export interface Ran {
  readonly outcomes: readonly Outcome[];
  /** Undefined when all was done. */
  readonly failure: CommandFailed | undefined;
}

interface Watching {
  readonly signal: AbortSignal;
  keepKey(key: NewKey): void;
  /** Before each step. */
  begin(step: Step): void;
}

/** Makes one change after the other, and stops at the first that fails: the rest may count on it. */
export async function runPlan(api: HttpApi, steps: readonly Step[], { signal, keepKey, begin }: Watching): Promise<Ran> {
  const outcomes: Outcome[] = steps.map(() => 'not done');
  const doing = { api, signal, made: new Map<string, string>(), keepKey };
  for (const [at, step] of steps.entries()) {
    if (signal.aborted) return { outcomes, failure: summary(steps, outcomes, signal.reason) };
    begin(step);
    try {
      await step.run(doing);
      outcomes[at] = 'done';
    } catch (error) {
      if (!(error instanceof CommandFailed) && !signal.aborted) throw error;
      outcomes[at] = signal.aborted || (error instanceof NoAnswer && !(error instanceof Refusal)) ? 'unknown' : 'failed';
      return { outcomes, failure: summary(steps, outcomes, error) };
    }
  }
  return { outcomes, failure: undefined };
}

function summary(steps: readonly Step[], outcomes: readonly Outcome[], error: unknown): CommandFailed {
  const named = (outcome: Outcome): string[] => steps.filter((_, at) => outcomes[at] === outcome).map(({ sign, what }) => `  ${sign} ${printableLine(what)}`);
  const part = (title: string, outcome: Outcome): string[] => (named(outcome).length > 0 ? [`${title}:`, ...named(outcome)] : []);
  const isKeyLost = steps.some(({ sign, what }, at) => outcomes[at] === 'unknown' && sign === '+' && / ?key /.test(what));
  return new CommandFailed([
    error instanceof Error ? error.message : String(error),
    ...part('Done', 'done'), ...part('Failed', 'failed'), ...part('Not known whether it was done', 'unknown'), ...part('Not done', 'not done'),
    ...(isKeyLost ? ['If the key was made, nobody has its secret: look with `sluice key list`, revoke it, and it is made anew.'] : []),
    `${error instanceof Refusal ? 'Mend what was refused, then apply' : 'Apply'} the file again: what is done is left alone, what is not is finished.`,
  ].join('\n'));
}
