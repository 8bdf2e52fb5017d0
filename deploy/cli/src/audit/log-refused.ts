import { CommandFailed } from '../exit-code.ts';

/** A log that was read and does not hold: what is wrong with it, as a kind for programs and in words. */
export class LogRefused extends CommandFailed {
  readonly fault: { readonly kind: string; readonly message: string };

  constructor(kind: string, message: string, text: string) {
    super(text);
    this.fault = { kind, message };
  }
}
