import type { Clock } from '@sluice/clock';
import type { AskedPlaces, AskedWindow, TakeReply } from './member.ts';

/** So many are remembered; the longest unheard goes first. */
const KNOWN_LIMIT = 50_000;

/** How far windows and places were used by all, as this process heard last: what it may let in by itself depends on it. */
export class KnownUses {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #uses = new Map<string, { readonly used: number; readonly atMs: number }>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** Nothing, where it was last heard so long ago that it has left. */
  used(key: string, lengthMs: number): number {
    const known = this.#uses.get(key);
    return known && known.atMs + lengthMs > this.#clock.monotonicMs() ? known.used : 0;
  }

  heardReply(windows: readonly AskedWindow[], places: readonly AskedPlaces[], reply: TakeReply): void {
    for (const [at, { key }] of windows.entries()) this.#heard(key, reply.windows[at]!.used);
    for (const [at, { key }] of places.entries()) this.#heard(key, reply.places[at]!.held);
  }

  heardAll(uses: readonly (readonly [key: string, used: number])[]): void {
    for (const [key, used] of uses) this.#heard(key, used);
  }

  /** What was used before may stand in Redis already. */
  told(key: string, used: number): void {
    if (!this.#uses.has(key)) this.#heard(key, used);
  }

  #heard(key: string, used: number): void {
    this.#uses.delete(key);
    this.#uses.set(key, { used, atMs: this.#clock.monotonicMs() });
    if (this.#uses.size <= KNOWN_LIMIT) return;
    for (const oldest of this.#uses.keys()) return void this.#uses.delete(oldest);
  }
}
