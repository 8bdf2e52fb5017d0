import type { Dispatcher } from 'undici';
import type { CallOutcome } from './load-messages.ts';

/** A line of the file that `sluice reconcile --receipts` reads. */
export interface Receipt {
  readonly id: string;
  readonly status: number;
  /** Every character of text that arrived, also of an answer that broke off; none of an answer of tensors. */
  readonly content?: string;
  readonly whole: boolean;
}

/** What became of a call; no receipt where no answer began. */
export interface CallEnd {
  readonly outcome: CallOutcome;
  readonly receipt: Receipt | undefined;
}

/** Where a call goes and with what. */
export interface CallTarget {
  readonly url: string;
  readonly model: string;
  readonly key: string;
  readonly dispatcher: Dispatcher;
}

/** A client gives up what says nothing for so long. */
export const SILENCE_MS = 8_000;

/** What went wrong, as undici names it. */
export function codeOf(error: unknown): string {
  const { code, message } = error as { code?: string; message: string };
  return code ?? message;
}
