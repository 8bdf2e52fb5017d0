const PAGE_BITS = 8;
const PAGE = 1 << PAGE_BITS;
const PAGES = 0x10000 >> PAGE_BITS;
/** Code points beyond the first plane whose class is remembered. */
const MOST_REMEMBERED = 4_096;
const UNKNOWN = -1;
const FIRST_SURROGATE = 0xd800;
const LAST_SURROGATE = 0xdfff;

/**
 * Sorts code points into classes: two are of one class when the same sets of an expression have them. Sets are given as the
 * source of one element, and the platform's own engine is asked for one code point at a time, so that escapes, properties
 * and case folding mean exactly what they mean in ECMAScript.
 */
export class CharacterClasses {
  readonly #sets: readonly RegExp[];
  readonly #firstSets: readonly number[];
  readonly #pages: (Int16Array | undefined)[] = new Array<Int16Array | undefined>(PAGES).fill(undefined);
  readonly #others = new Map<number, number>();
  readonly #numbers = new Map<string, number>();
  readonly #members: Uint8Array[] = [];
  readonly #canBegin: boolean[] = [];

  /** `firstSets`: indexes of the sets that a match can begin with. */
  constructor(sources: readonly string[], ignoreCase: boolean, firstSets: readonly number[]) {
    this.#sets = sources.map((source) => new RegExp(`^(?:${source})$`, ignoreCase ? 'iu' : 'u'));
    this.#firstSets = firstSets;
  }

  classOf(codePoint: number): number {
    const known = codePoint < 0x10000 ? (this.#pages[codePoint >> PAGE_BITS]?.[codePoint & (PAGE - 1)] ?? UNKNOWN) : (this.#others.get(codePoint) ?? UNKNOWN);
    return known === UNKNOWN ? this.#learn(codePoint) : known;
  }

  /** Which sets have the code points of a class: 1 at the index of each. */
  members(classNumber: number): Uint8Array {
    return this.#members[classNumber]!;
  }

  canBegin(classNumber: number): boolean {
    return this.#canBegin[classNumber]!;
  }

  #learn(codePoint: number): number {
    const character = String.fromCodePoint(codePoint);
    const members = Uint8Array.from(this.#sets, (set) => (set.test(character) ? 1 : 0));
    const key = members.join('');
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#members.push(members) - 1;
      this.#numbers.set(key, number);
      this.#canBegin.push(this.#firstSets.some((set) => members[set] === 1));
    }
    this.#remember(codePoint, number);
    return number;
  }

  /** Halves of pairs are not remembered, so that no pair is skipped by its halves. */
  #remember(codePoint: number, number: number): void {
    if (codePoint > 0xffff) {
      if (this.#others.size >= MOST_REMEMBERED) this.#others.clear();
      this.#others.set(codePoint, number);
    } else if (codePoint < FIRST_SURROGATE || codePoint > LAST_SURROGATE) {
      const page = (this.#pages[codePoint >> PAGE_BITS] ??= new Int16Array(PAGE).fill(UNKNOWN));
      page[codePoint & (PAGE - 1)] = number;
    }
  }
}
