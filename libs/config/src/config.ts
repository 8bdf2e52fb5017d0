import { z } from 'zod';

/** All faults of a configuration at once; each line names a setting and how to mend it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`The configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
    this.faults = faults;
  }
}

const QUOTED_CHARACTERS = 40;

/** Where settings come from; by default the process environment, which nothing else in the house reads. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment of this process, for those who hand it on to a child; settings are read by `readConfig`. */
export const processEnvironment: Environment = process.env;

/**
 * Reads settings by their environment names, checks all of them, and freezes the result.
 * An empty value counts as not set, because that is how shells and orchestrators unset one.
 */
export function readConfig<Shape extends z.ZodRawShape>(shape: Shape, environment: Environment = processEnvironment): Readonly<z.output<z.ZodObject<Shape>>> {
  const given = Object.fromEntries(Object.keys(shape).map((name) => [name, environment[name] === '' ? undefined : environment[name]]));
  const result = z.object(shape).safeParse(given, { error: words });
  if (!result.success) throw new ConfigError(faultsOf(result.error.issues, given));
  return Object.freeze(result.data) as Readonly<z.output<z.ZodObject<Shape>>>;
}

/** What a value must be, where its shape does not say so in words of its own. */
function words(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'invalid_type') return issue.expected === 'int' ? 'must be a whole number' : `must be a ${issue.expected}`;
  if (issue.code === 'too_small') return `must be at least ${issue.minimum}`;
  if (issue.code === 'too_big') return `must be at most ${issue.maximum}`;
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.join(', ')}`;
  if (issue.code === 'invalid_format' && issue.format === 'url') return 'must be a URL';
  return undefined;
}

/** One line a setting: the first thing that is wrong with it. */
function faultsOf(issues: readonly z.core.$ZodIssue[], given: Readonly<Record<string, string | undefined>>): string[] {
  const first = new Map<string, string>();
  for (const issue of issues) {
    const name = String(issue.path[0]);
    if (!first.has(name)) first.set(name, `${name}: ${issue.message}${isQuotable(issue) && given[name] !== undefined ? ` (it is ${quoted(given[name])})` : ''}`);
  }
  return [...first.values()];
}

/** Numbers and choices are shown; an address or another text may hold a password. */
function isQuotable(issue: z.core.$ZodIssue): boolean {
  if (issue.code === 'too_small' || issue.code === 'too_big') return issue.origin === 'number' || issue.origin === 'int';
  return issue.code === 'invalid_type' || issue.code === 'invalid_value';
}

function quoted(value: string | undefined): string {
  return JSON.stringify((value ?? '').slice(0, QUOTED_CHARACTERS));
}
