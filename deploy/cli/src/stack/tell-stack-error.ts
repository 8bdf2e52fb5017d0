import { StackError } from '@sluice/stack';
import { CommandFailed } from '../exit-code.ts';

/** What the stack refused, as this command line says it. */
export function tellStackError(error: unknown): never {
  throw error instanceof StackError ? new CommandFailed(error.message) : error;
}
