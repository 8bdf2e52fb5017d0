import type { Path } from '../fault.ts';
import type { FileBudget, FileLimits } from '../platform-file.ts';
import type { Doing } from './plan.ts';

export type Level = 'organisation' | 'project' | 'key';

/** What limits and budgets are set for. */
export interface Subject {
  readonly level: Level;
  /** `key app of project research`. */
  readonly shown: string;
  readonly ref: Ref;
  /** Where the file speaks of it. */
  readonly path: Path;
  readonly limits: FileLimits | undefined;
  readonly budget: FileBudget | undefined;
}

/** Something that is there, or that a step makes first. */
export type Ref = { readonly id: string } | { readonly made: string };

/** The id of what a reference names; what a step was to make is there when that step is done. */
export function idOf(ref: Ref, { made }: Pick<Doing, 'made'>): string {
  const id = 'id' in ref ? ref.id : made.get(ref.made);
  if (id === undefined) throw new Error('a step runs before the one that makes what it needs');
  return id;
}

/** The reference that the steps of a new project share. */
export function madeProject(name: string): string {
  return `project ${name}`;
}
