/** A call as the audit has it. */
export interface AuditedCall {
  readonly id: string;
  readonly status: string;
  /** What is billed, in nano-units; the overrun is not. */
  readonly costNano: bigint;
  readonly overrunNano: bigint;
}

/** What a call was billed, as the ledger has it. */
export interface BilledCall {
  readonly id: string;
  readonly costNano: bigint;
  readonly overrunNano: bigint;
}

/** A call as the event log has it. */
export interface LoggedCall {
  readonly id: string;
  /** How many records say that it ended; one, however often the log repeats a segment. */
  readonly ends: number;
  /** All of it stands behind the end of its epoch, and so was never released. */
  readonly isLate: boolean;
}

/** What a client had of a call, as it wrote it down. */
export interface Receipt {
  readonly id: string;
  /** Of HTTP; 200 is an answer, anything else a refusal or a failure. */
  readonly status: number;
  /** Text of each choice, by its index. */
  readonly contents: readonly string[];
  /** The answer, or the error, came to its end: `[DONE]`, or the whole body. */
  readonly isWhole: boolean;
}

/** Errors begin as such: a stream that fails later has the status of an answer, and its text counts as one's. */
export function isAnswer({ status }: Receipt): boolean {
  return status === 200;
}

/**
 * Whether a refusal must be on record. What limits and budgets refuse is: they know whom, and say so only once it is durable.
 * Of any other error the status does not tell whether there was a call that could be recorded: nobody may have asked whom we
 * know (401), nothing may be there to be asked (404), or the record itself may have been impossible (503).
 */
export function isRecordedRefusal({ status, isWhole }: Receipt): boolean {
  return status === 429 && isWhole;
}

/** The text that the audit has of a call, by choice; undefined where the project keeps digests alone. */
export type RecordedText = readonly string[] | undefined;

/** Everything that is said of the same calls. What was not asked is undefined. */
export interface Accounts {
  readonly audit: readonly AuditedCall[];
  readonly ledger: readonly BilledCall[];
  readonly log: readonly LoggedCall[] | undefined;
  /** In milliseconds since the Unix epoch: calls that began before are not in the log any more. */
  readonly logSinceMs?: number | undefined;
  readonly receipts: readonly Receipt[] | undefined;
  /** Of the calls that clients have receipts of. */
  readonly texts: ReadonlyMap<string, RecordedText>;
}
