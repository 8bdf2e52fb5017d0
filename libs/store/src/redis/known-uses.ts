import type { AskedPlaces, AskedWindow, Heard, TakeReply } from './member.ts';

/** So many are remembered; the longest unheard goes first. */
const KNOWN_LIMIT = 50_000;

/** How far windows and places were used by all, as this process heard last: what it may let in by itself depends on it. */
export class KnownUses {
  readonly #nowMs: () => number;
  readonly #uses = new Map<string, { readonly used: number; readonly atMs: number }>();
  /** Nothing that was used between then and the last sign of life is unknown. */
  #completeSinceMs = Infinity;
  #heardMs = -Infinity;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Infinity, where more may have been used than was heard. Nothing, where what was heard had left at the last sign of life. */
  used(key: string, lengthMs: number): number {
    const known = this.#uses.get(key);
    if (known && known.atMs >= this.#completeSinceMs) return known.atMs + lengthMs > this.#heardMs ? known.used : 0;
    return this.#completeSinceMs + lengthMs > this.#heardMs ? Infinity : 0;
  }

  heardReply(windows: readonly AskedWindow[], places: readonly AskedPlaces[], reply: TakeReply): void {
    for (const [at, { key }] of windows.entries()) this.#heard(key, reply.windows[at]!.used);
    for (const [at, { key }] of places.entries()) this.#heard(key, reply.places[at]!.held);
  }

  heardBeat({ used, askedMs, completeSinceMs }: Heard): void {
    if (completeSinceMs !== -Infinity) this.#completeSinceMs = completeSinceMs;
    this.#heardMs = askedMs;
    for (const [key, one] of used) this.#heard(key, one);
  }

  /** What was used before may stand in Redis already. */
  told(key: string, used: number): void {
    if (!this.#uses.has(key)) this.#heard(key, used);
  }

  #heard(key: string, used: number): void {
    this.#uses.delete(key);
    this.#uses.set(key, { used, atMs: this.#nowMs() });
    if (this.#uses.size <= KNOWN_LIMIT) return;
    for (const [oldest, { atMs }] of this.#uses) {
      this.#uses.delete(oldest);
      this.#completeSinceMs = Math.max(this.#completeSinceMs, atMs);
      return;
    }
  }
}
