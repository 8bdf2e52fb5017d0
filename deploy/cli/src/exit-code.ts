/** What a command ends with: 0 done, 1 failed, 2 wrong use; 3 of a comparison that found differences (`apply --dry-run`). */
export const EXIT = { done: 0, failed: 1, wrongUse: 2, differs: 3 } as const;

/** A command that cannot do what it was asked; the message goes to the terminal as it is and says how to mend it. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  readonly exitCode: number = EXIT.failed;
  /** The parameter of the admin API that a refusal of the platform is about. */
  readonly param: string | undefined;

  constructor(message: string, { param, ...options }: ErrorOptions & { readonly param?: string | undefined } = {}) {
    super(message, options);
    this.param = param;
  }
}

/** A command line that makes no sense although each option of it parses; often it is the platform that can tell. */
export class WrongUse extends CommandFailed {
  override readonly exitCode: number = EXIT.wrongUse;
}
