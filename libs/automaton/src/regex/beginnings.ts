import type { Transition } from './lazy-automaton.ts';

/** So many at least are removed at once from the front. */
const REMOVED_AT_ONCE = 64;

/** Where the living threads of one run began, the earliest first, each place once. */
export class Beginnings {
  #offsets: number[] = [];
  #first = 0;

  get length(): number {
    return this.#offsets.length - this.#first;
  }

  /** @param position of a beginning that is being made, which is the one behind the last */
  at(index: number, position: number): number {
    return this.#offsets[this.#first + index] ?? position;
  }

  /** @param position where the character stands */
  apply({ kept, dropped, begins, state }: Transition, position: number): void {
    if (state.width === 0) return this.clear();
    if (kept) {
      const offsets = this.#offsets;
      const survivors = begins ? kept.length - 1 : kept.length;
      for (let i = 0; i < survivors; i++) offsets[this.#first + i] = offsets[this.#first + kept[i]!]!;
      offsets.length = this.#first + survivors;
    } else this.#first += dropped;
    if (begins) this.#offsets.push(position);
    if (this.#first < REMOVED_AT_ONCE || this.#first * 2 < this.#offsets.length) return;
    this.#offsets = this.#offsets.slice(this.#first);
    this.#first = 0;
  }

  clear(): void {
    if (this.#offsets.length > 0) this.#offsets = [];
    this.#first = 0;
  }
}
