/** How many places are tried for the children of one state before they go behind everything: it bounds the time of a build. */
const TRIES = 1000;

/** The slots of a double array that are being given out: which are free, as a linked list in ascending order. */
export class FreeSlots {
  #next: Int32Array;
  #previous: Int32Array;
  #taken: Uint8Array;
  #capacity: number;
  /** Where the next search of a place for several begins: before it there is little room. */
  #cursor = 1;
  /** One behind the last slot that is taken. */
  used = 1;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#next = new Int32Array(capacity + 1);
    this.#previous = new Int32Array(capacity + 1);
    this.#taken = new Uint8Array(capacity + 1);
    this.#link(1, capacity);
    this.#next[0] = 1;
  }

  /** A base at which the slots of all these classes (ascending, at least one) are free; they are taken. */
  place(classes: Uint16Array, count: number): number {
    const first = classes[0]!;
    const last = classes[count - 1]!;
    while (this.#taken[this.#cursor]) this.#cursor = this.#next[this.#cursor]!;
    let slot = count === 1 ? this.#next[0]! : this.#cursor;
    for (let tries = 0; tries < TRIES && slot <= this.used && slot - first + last < this.#capacity; slot = this.#next[slot]!) {
      if (slot < first) continue;
      tries++;
      if (!this.#fits(slot - first, classes, count)) continue;
      if (tries > TRIES / 2) this.#cursor = slot;
      return this.#take(slot - first, classes, count);
    }
    if (count > 1) this.#cursor = slot;
    while (this.used + last + 1 >= this.#capacity) this.#grow();
    return this.#take(Math.max(0, this.used - first), classes, count);
  }

  #fits(base: number, classes: Uint16Array, count: number): boolean {
    for (let i = 1; i < count; i++) if (this.#taken[base + classes[i]!]) return false;
    return true;
  }

  #take(base: number, classes: Uint16Array, count: number): number {
    for (let i = 0; i < count; i++) {
      const slot = base + classes[i]!;
      this.#taken[slot] = 1;
      this.#next[this.#previous[slot]!] = this.#next[slot]!;
      this.#previous[this.#next[slot]!] = this.#previous[slot]!;
    }
    this.used = Math.max(this.used, base + classes[count - 1]! + 1);
    return base;
  }

  #grow(): void {
    const before = this.#capacity;
    const widen = (from: Int32Array) => {
      const to = new Int32Array(before * 2 + 1);
      to.set(from);
      return to;
    };
    this.#next = widen(this.#next);
    this.#previous = widen(this.#previous);
    const taken = new Uint8Array(before * 2 + 1);
    taken.set(this.#taken);
    this.#taken = taken;
    this.#capacity = before * 2;
    this.#link(before, before * 2);
  }

  /** Chains the slots from `first` (which may be the old end, linked from behind already) up to the sentinel `end`. */
  #link(first: number, end: number): void {
    for (let slot = first; slot < end; slot++) {
      this.#next[slot] = slot + 1;
      this.#previous[slot + 1] = slot;
    }
  }
}
