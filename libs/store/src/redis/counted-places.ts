/** When so many subjects are counted, those of which nothing is held are forgotten. */
const SWEEP_AT = 10_000;

/** The subjects whose places this process counts in Redis, since it came in. The first taking tells how many it holds already. */
export class CountedPlaces {
  /** Takings under way, by subject. */
  readonly #pending = new Map<string, number>();

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

  /** @param held how many takings a subject holds */
  sweep(held: (subjectId: string) => number): void {
    if (this.#pending.size < SWEEP_AT) return;
    for (const [id, pending] of this.#pending) if (pending === 0 && held(id) === 0) this.#pending.delete(id);
  }
}
