/** So much of something was used until then, by the monotonic clock of this process. */
export interface Use {
  readonly atMs: number;
  readonly amount: number;
}

/** At most `limit` in any `windowMs`, wherever they begin. */
export interface WindowLimit {
  /** Tells it from the other windows of its subject. */
  readonly name: string;
  readonly windowMs: number;
  /** What is used within so much time leaves the window together, with the last of it; divides `windowMs`. */
  readonly bucketMs: number;
  readonly limit: number;
  /** Whether a taking uses one of it, or the amount that it names. */
  readonly counts: 'takings' | 'amounts';
}

/** Who is limited. */
export interface Subject {
  readonly id: string;
  readonly windows: readonly WindowLimit[];
  /** How many takings may be held at once; undefined: however many, which are counted all the same. */
  readonly places: number | undefined;
}

/** How a window stands behind a taking, or behind its refusal. */
export interface WindowState {
  /** Milliseconds until the taking would fit, if nobody else takes; 0: it fits. Infinity: it never will. */
  readonly waitMs: number;
  readonly remaining: number;
  /** Milliseconds until all that was used has left. */
  readonly emptyInMs: number;
}

/** What was taken, until it is given back. */
export interface Hold {
  /** Uses so much more, from now, of all windows that count amounts, whether it fits or not. */
  use(amount: number): void;
  /**
   * Gives the places back, and puts right by this difference what was used of the windows that count amounts: less is taken from the
   * latest use first, and where that has left its window it is past; more is added to the latest use, and counts from now
   * where that has left. Only the first time counts.
   */
  end(difference: number): void;
}

export interface Taking {
  /** Undefined when it was refused, and nothing was taken. */
  readonly hold: Hold | undefined;
  /** Of all windows of all subjects, in their order. */
  readonly windows: readonly WindowState[];
  /** Of each subject: whether its places were all taken. */
  readonly full: readonly boolean[];
}

/**
 * Short-lived counts that the processes of a platform share, so that a limit is one limit however many processes there are.
 * An adapter that needs nobody else answers at once, and its callers wait for nothing.
 */
export interface Store {
  /**
   * Takes of all windows and places of all subjects, or of none. Windows are exact in the safe direction: what is let in
   * never passes a limit in any window of its length.
   *
   * @param subjects each once  @param amount what is taken of windows that count amounts; never less than 0
   */
  take(subjects: readonly Subject[], amount: number): Taking | Promise<Taking>;

  /**
   * Counts what was used of a window before anything that is counted of it here; times rise. A store that knows the window from
   * before, or was told already, takes nothing of what it has counted itself.
   */
  precede(subjectId: string, window: Omit<WindowLimit, 'limit' | 'counts'>, uses: readonly Use[]): void;
}
