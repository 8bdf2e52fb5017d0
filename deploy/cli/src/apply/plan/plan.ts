import type { HttpApi } from '../../platform-api/http-api.ts';
import type { Fault, Path } from '../fault.ts';

/** A new key: the one moment in which its secret is known. */
export interface NewKey {
  readonly id: string;
  readonly name: string;
  /** Name of its project; null for an admin key. */
  readonly project: string | null;
  readonly secret: string;
}

/** What a step is done with: earlier steps leave what later ones need. */
export interface Doing {
  readonly api: HttpApi;
  readonly signal: AbortSignal;
  /** Ids of what was made on the way, by the reference that the steps share. */
  readonly made: Map<string, string>;
  keepKey(key: NewKey): void;
}

/** A change of one thing. */
export interface Step {
  readonly sign: '+' | '~' | '-';
  /** `project research`. */
  readonly what: string;
  /** `requests_per_minute: 600 -> 1200`. */
  readonly details: readonly string[];
  run(doing: Doing): Promise<unknown>;
}

/** A member of something that changes; undefined where it had no value. */
export function change(name: string, before: string | number | undefined, after: string | number): string {
  return before === undefined ? `${name}: ${after}` : `${name}: ${before} -> ${after}`;
}

/** In this order changes are made: what others name comes first, what is removed goes last and the other way round. */
export const PHASES = [
  'currency', 'projects', 'models', 'aliases', 'prices', 'keys', 'limits', 'budgets', 'parameter rules', 'filter rules',
  'remove filter rules', 'remove parameter rules', 'remove budgets', 'remove limits', 'remove keys', 'remove prices', 'remove aliases', 'remove models',
] as const;
export type Phase = (typeof PHASES)[number];

/** What a file would change, gathered piece by piece. */
export class Plan {
  /** Remove what the file leaves out. */
  readonly prunes: boolean;
  readonly #steps = new Map<Phase, Step[]>();
  readonly #faults: Fault[] = [];
  readonly #notes: string[] = [];

  constructor({ prunes }: { readonly prunes: boolean }) {
    this.prunes = prunes;
  }

  add(phase: Phase, step: Step): void {
    const steps = this.#steps.get(phase);
    if (steps) steps.push(step);
    else this.#steps.set(phase, [step]);
  }

  /** Says that the file asks for what cannot be. */
  fault(path: Path, message: string, needs?: Fault['needs']): void {
    this.#faults.push({ path, message, ...(needs && { needs }) });
  }

  /** Whether something is wrong with what stands there, or in it. */
  isFaulty(path: Path): boolean {
    return this.#faults.some((fault) => path.every((part, at) => fault.path[at] === part));
  }

  /** Says what cannot be changed and stays as it is. */
  note(text: string): void {
    this.#notes.push(text);
  }

  get steps(): readonly Step[] {
    return PHASES.flatMap((phase) => this.#steps.get(phase) ?? []);
  }

  get faults(): readonly Fault[] {
    return this.#faults;
  }

  get notes(): readonly string[] {
    return this.#notes;
  }
}
