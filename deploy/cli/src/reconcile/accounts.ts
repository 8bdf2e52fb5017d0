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
  readonly status: number;
  /** Text of each choice, by its index. */
  readonly contents: readonly string[];
  /** The answer came to its end: `[DONE]`, or the whole body. */
  readonly isWhole: boolean;
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
