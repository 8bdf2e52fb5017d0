/** What the harness tells the process that makes the load. */
export type LoadOrder =
  | {
    readonly go: {
      readonly url: string;
      readonly models: { readonly chat: string; readonly tensors: string };
      /** Of the first call; the next ones count on. */
      readonly firstCall: number;
      /** Most calls are made with the first, some with the one whose budget ends. */
      readonly keys: { readonly rich: string; readonly poor: string };
      /** A receipt a line, appended. */
      readonly receiptsFile: string;
    };
  }
  /** From now on so many calls a second. */
  | { readonly ratePerSecond: number }
  /** Sends nothing more, and tells when every call under way has ended. */
  | { readonly quiet: true };

/** What became of one call. */
export interface CallOutcome {
  /** Date.now() of the machine. */
  readonly sentMs: number;
  /** When the last bytes of its answer came; `sentMs` where none came. */
  readonly heardMs: number;
  readonly endedMs: number;
  /** `answered`, `refused` where a budget is at its end, else what went wrong. */
  readonly result: string;
}

/** What the process that makes the load tells. */
export type LoadReport =
  | { readonly outcomes: readonly CallOutcome[]; readonly open: number }
  /** Everything has ended and every receipt is written. `skipped`: calls that were due while too many were open. */
  | { readonly quiet: { readonly nextCall: number; readonly skipped: number } };

export const ANSWERED = 'answered';
export const REFUSED = 'refused';
/** A client had another call's answer, an altered one, or what a rule was to keep from it. */
export const WRONG = 'wrong answer';

/** The platform did what it promises. */
export function isFine({ result }: CallOutcome): boolean {
  return result === ANSWERED || result === REFUSED;
}
