/** What can be wrong with a log, a proof or a note. */
export type FaultKind =
  /** The note is not a signed note, or a verifier key is not one. */
  | 'note'
  /** No signature of the expected key, or a wrong one. */
  | 'signature'
  /** The text is no checkpoint, or one of another log. */
  | 'checkpoint'
  /** A tile or an entry bundle is missing, has the wrong length, or disagrees with the entries. */
  | 'tile'
  /** An entry is not what the log may hold. */
  | 'entry'
  /** The entries do not add up to the signed root. */
  | 'root'
  /** The log is not a continuation of the one that was seen before. */
  | 'consistency'
  /** A proof does not lead from the entry to the root. */
  | 'proof'
  /** A producer's entries stand in an impossible order. */
  | 'order'
  /** The log's own numbers say that there was an entry which is not there. */
  | 'missing';

/** The log, or a statement about it, does not hold. The message names places and sizes, never content. */
export class LogFault extends Error {
  override readonly name = 'LogFault';
  readonly kind: FaultKind;

  constructor(kind: FaultKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
  }
}
