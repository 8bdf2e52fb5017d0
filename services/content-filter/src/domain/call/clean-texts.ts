/** Names and types of tools come again and again in one call. */
const REMEMBERED_UNITS = 64;
const REMEMBERED_TEXTS = 4096;

/** Short texts of one call in which nothing was found, so that each is looked at once. */
export class CleanTexts {
  readonly #texts = new Set<string>();

  has(text: string): boolean {
    return text.length <= REMEMBERED_UNITS && this.#texts.has(text);
  }

  add(text: string): void {
    if (text.length <= REMEMBERED_UNITS && this.#texts.size < REMEMBERED_TEXTS) this.#texts.add(text);
  }
}
