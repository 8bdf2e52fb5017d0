/** `wrong`: the platform does not run, or not as it should; `warn`: it runs, and this will be missed some day. */
export type State = 'ok' | 'warn' | 'wrong';

/** What one look found. */
export interface Finding {
  /** What was looked at: `database`. */
  readonly area: string;
  readonly name: string;
  readonly state: State;
  readonly says: string;
  /** What to do; always there when it is not ok. */
  readonly mend?: string;
}

/** The findings of one area, as they are made. */
export class Findings {
  readonly #area: string;
  readonly #all: Finding[] = [];

  constructor(area: string) {
    this.#area = area;
  }

  ok(name: string, says: string): void {
    this.#all.push({ area: this.#area, name, state: 'ok', says });
  }

  warn(name: string, says: string, mend: string): void {
    this.#all.push({ area: this.#area, name, state: 'warn', says, mend });
  }

  wrong(name: string, says: string, mend: string): void {
    this.#all.push({ area: this.#area, name, state: 'wrong', says, mend });
  }

  get all(): readonly Finding[] {
    return this.#all;
  }
}

/** A sentence of what failed, without what a driver may quote behind it. */
export function reasonOf(error: unknown): string {
  // By its members alone, because an error may be of another realm.
  if (typeof error !== 'object' || error === null) return 'it failed';
  const { code, name, message, errors } = error as Partial<NodeJS.ErrnoException & AggregateError>;
  if (errors?.length) return reasonOf(errors[0]);
  // A wait that an abort ended.
  if (name === 'TimeoutError' || name === 'AbortError') return 'no answer in time';
  return (code === undefined ? undefined : WORDS[code]) ?? (message?.split('\n')[0] || 'it failed');
}

/** What a refusal says, and behind its first sentence the mend; empty where it has none. */
export function splitMend(message: string): readonly [says: string, mend: string] {
  const [says = ''] = message.split(/(?<=\.) (?=[A-Z])/, 1);
  return [says, message.slice(says.length + 1)];
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there', ENOTFOUND: 'its name is not known', EAI_AGAIN: 'names cannot be looked up', ETIMEDOUT: 'no answer in time', EHOSTUNREACH: 'there is no way to it',
  ECONNRESET: 'it hung up', ENETUNREACH: 'there is no way to it', EACCES: 'this user may not',
};
