/** When so many subjects are counted, those of which nothing is held are forgotten. */
const SWEEP_AT = 10_000;

/** The subjects whose places this process counts in Redis since it came in. The first taking of one tells how many are held already. */
export class CountedPlaces {
  /** Takings under way, by subject. */
  readonly #pending = new Map<string, number>();

  /** @param told those of which it has told how many it holds */
  constructor(told: Iterable<string> = []) {
    for (const id of told) this.limit(id);
  }

  /** Its places are limited, so Redis must know of them when it can be told. */
  limit(subjectId: string): void {
    if (!this.has(subjectId)) this.#pending.set(subjectId, 0);
  }

  has(subjectId: string): boolean {
    return this.#pending.has(subjectId);
  }

  /** Returns what is to be told with this taking: nothing, where a taking before it has told. */
  begin(subjectId: string, held: number): number | undefined {
    const pending = this.#pending.get(subjectId);
    this.#pending.set(subjectId, (pending ?? 0) + 1);
    return pending === undefined ? held : undefined;
  }

  end(subjectId: string): void {
    this.#pending.set(subjectId, (this.#pending.get(subjectId) ?? 1) - 1);
  }

  /** Of the subjects that hold some, how many. @param held how many takings a subject holds */
  held(held: (subjectId: string) => number): ReadonlyMap<string, number> {
    return new Map([...this.#pending.keys()].map((id) => [id, held(id)] as const).filter(([, places]) => places > 0));
  }

  sweep(held: (subjectId: string) => number): void {
    if (this.#pending.size < SWEEP_AT) return;
    for (const [id, pending] of this.#pending) if (pending === 0 && held(id) === 0) this.#pending.delete(id);
  }
}
