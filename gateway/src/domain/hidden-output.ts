/** Models that are remembered; beyond it the oldest is forgotten, and learned again by its next report. */
const MODELS_LIMIT = 10_000;

/** Text may take more tokens than are counted for it (digits, rare scripts): up to so many times as many. */
const SEEN_FACTOR = 3;
const SEEN_MARGIN_TOKENS = 256;

/**
 * Models that produce far more than is seen of it, as those do that think and do not show it: learned from the reports of
 * their backends, for as long as this process runs. What cannot be seen cannot be stopped on the way.
 */
export class HiddenOutput {
  readonly #models = new Set<string>();

  /** What a backend reported of an answer, and what was seen of it. */
  note(organisationId: string, modelName: string, reportedTokens: number, seenTokens: number): void {
    if (reportedTokens <= seenTokens * SEEN_FACTOR + SEEN_MARGIN_TOKENS) return;
    const [oldest] = this.#models;
    if (this.#models.size >= MODELS_LIMIT && oldest !== undefined) this.#models.delete(oldest);
    this.#models.add(keyOf(organisationId, modelName));
  }

  isKnownOf(organisationId: string, modelName: string): boolean {
    return this.#models.has(keyOf(organisationId, modelName));
  }
}

function keyOf(organisationId: string, modelName: string): string {
  return `${organisationId} ${modelName}`;
}
