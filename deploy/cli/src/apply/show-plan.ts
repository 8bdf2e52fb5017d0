import { printableLine } from '../terminal/printable.ts';
import type { Step } from './plan/plan.ts';

const COLOURS = { '+': '\x1b[32m', '~': '\x1b[33m', '-': '\x1b[31m' } as const;
const PLAIN = '\x1b[0m';

/** A line for each change, its details below it, and how many there are. */
export function shownPlan(steps: readonly Step[], { isColoured }: { readonly isColoured: boolean }): string {
  if (steps.length === 0) return 'No difference: the platform is as the file says.';
  return [...steps.map((step) => shownStep(step, isColoured)), '', counts(steps)].join('\n');
}

function shownStep({ sign, what, details }: Step, isColoured: boolean): string {
  const text = [`${sign} ${printableLine(what)}`, ...details.map((detail) => `    ${printableLine(detail)}`)].join('\n');
  return isColoured ? `${COLOURS[sign]}${text}${PLAIN}` : text;
}

function counts(steps: readonly Step[]): string {
  const count = (sign: Step['sign']): number => steps.filter((step) => step.sign === sign).length;
  return `${count('+')} to add, ${count('~')} to change, ${count('-')} to remove.`;
}
