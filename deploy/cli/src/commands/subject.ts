import type { Command } from 'commander';
import { WrongUse } from '../exit-code.ts';
import { whoami } from '../platform-api/answers.ts';
import { adminApi } from '../platform-api/connection.ts';
import type { ReadOptions } from './output.ts';

/** Options that say what a limit or a budget is for. */
export interface SubjectOptions extends ReadOptions {
  readonly organisation?: string | true;
  readonly project?: string;
  readonly key?: string;
}

/** What a limit or a budget is for. */
export interface Subject {
  readonly level: 'organisation' | 'project' | 'key';
  readonly id: string;
}

/** Adds them. */
export function ofSubject(command: Command): Command {
  return command
    .option('--organisation [id]', 'the organisation (your own needs no id)')
    .option('--project <id>', 'one project')
    .option('--key <id>', 'one API key');
}

/** The one that was named. @throws WrongUse unless it is exactly one */
export async function subjectOf(options: SubjectOptions): Promise<Subject> {
  const { organisation, project, key } = options;
  if ([organisation, project, key].filter((one) => one !== undefined).length !== 1) throw new WrongUse('Give one of --organisation, --project ID and --key ID.');
  if (project !== undefined) return { level: 'project', id: project };
  if (key !== undefined) return { level: 'key', id: key };
  return { level: 'organisation', id: typeof organisation === 'string' ? organisation : (await adminApi(options).get('/whoami', whoami)).organisation_id };
}
