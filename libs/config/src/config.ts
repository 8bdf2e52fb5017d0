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
  const result = z.object(shape).safeParse(given);
  if (!result.success) throw new ConfigError(result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`));
  return Object.freeze(result.data) as Readonly<z.output<z.ZodObject<Shape>>>;
}
