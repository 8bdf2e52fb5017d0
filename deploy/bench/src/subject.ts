/** Something that is measured: where it listens, and which processes its work costs. */
export interface Subject {
  readonly name: string;
  readonly port: number;
  readonly key: string;
  readonly model: string;
  /** Roots of its process trees. */
  pids(): number[];
  /** Resolves when nothing is left to do behind the answers: consumers have read everything. */
  drained(): Promise<void>;
  stop(): Promise<void>;
}
