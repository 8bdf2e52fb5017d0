import type { Hold, Subject } from '../store.ts';
import type { AloneCounts } from './alone-counts.ts';
import { sharedWindow, type Member, type SharedWindow } from './member.ts';

/** Where the amounts of a hold are counted now. */
export interface Counting {
  readonly member: Member | undefined;
  readonly alone: AloneCounts;
  /** Settles while the process comes in again. */
  readonly arriving: Promise<void> | undefined;
  /** Those of these subjects whose places are counted in Redis. */
  counted(subjectIds: readonly string[]): readonly string[];
  /** The member does not answer. */
  fall(member: Member, thrown: unknown): void;
}

/** Where something was counted: in the data of Redis that have this name, or in what a process counted alone. */
type Place = string | AloneCounts;

interface Charge {
  readonly amount: number;
  readonly place: Place;
  /** Of each window of the hold. */
  buckets: readonly number[] | Promise<readonly number[]>;
}

type Correction = SharedWindow & { readonly bucket: number; readonly difference: number };

/** A taking that was counted in Redis, or by a process that was alone; it may end when that is otherwise. */
export class RedisHold implements Hold {
  readonly #own: Hold;
  readonly #counting: Counting;
  readonly #subjectIds: readonly string[];
  /** The windows that count amounts. */
  readonly #windows: readonly SharedWindow[];
  readonly #charges: Charge[] = [];
  #ended = false;

  /** @param own the same in the counts of this process  @param uncounted whose places are not counted for this hold */
  constructor(own: Hold, counting: Counting, subjects: readonly Subject[], uncounted: readonly string[] = []) {
    this.#own = own;
    this.#counting = counting;
    this.#subjectIds = subjects.map(({ id }) => id).filter((id) => !uncounted.includes(id));
    this.#windows = subjects.flatMap(({ id, windows }) => windows.filter(({ counts }) => counts === 'amounts').map((limit) => sharedWindow(id, limit)));
  }

  /** What was charged when it was taken. */
  charged(amount: number, place: Place, buckets: readonly number[]): this {
    this.#charges.push({ amount, place, buckets });
    return this;
  }

  use(amount: number): void {
    if (this.#ended || this.#windows.length === 0) return;
    this.#own.use(amount);
    const { member, alone } = this.#counting;
    if (!member) return void this.charged(amount, alone, this.#windows.map((window) => alone.add(window, amount)));
    const buckets = this.#settle(member, this.#windows.map((window) => ({ ...window, bucket: 0, difference: amount })), []);
    const charge: Charge = { amount, place: member.generation, buckets };
    this.#charges.push(charge);
    void buckets.then((known) => (charge.buckets = known));
  }

  end(difference: number): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#own.end(difference);
    const { arriving } = this.#counting;
    const charged = this.#charges.map(({ buckets }) => buckets);
    const told = charged.filter((buckets): buckets is readonly number[] => !(buckets instanceof Promise));
    if (!arriving && told.length === charged.length) return this.#end(difference, told);
    void Promise.all([Promise.all(charged), arriving]).then(([buckets]) => this.#end(difference, buckets));
  }

  #end(difference: number, buckets: readonly (readonly number[])[]): void {
    const { member, alone } = this.#counting;
    if (!member) return this.#endAlone(alone, difference, buckets);
    const corrections = this.#parts(difference).flatMap(([at, part]) => {
      const known = this.#charges[at]!.place === member.generation;
      return this.#windows.map((shared, window): Correction => ({ ...shared, bucket: known ? (buckets[at]![window] ?? 0) : 0, difference: part }));
    });
    // What is less, of what Redis did not count under this name, leaves by itself.
    const sent = corrections.filter(({ bucket, difference: part }) => bucket !== 0 || part > 0);
    const released = this.#counting.counted(this.#subjectIds);
    if (sent.length > 0 || released.length > 0) void this.#settle(member, sent, released);
  }

  #endAlone(alone: AloneCounts, difference: number, buckets: readonly (readonly number[])[]): void {
    for (const [at, part] of this.#parts(difference)) {
      for (const [index, window] of this.#windows.entries()) {
        if (this.#charges[at]!.place === alone) alone.correct(window, buckets[at]![index]!, part);
        else if (part > 0) alone.add(window, part);
      }
    }
  }

  /** What is more is put to the latest charge, what is less is taken from the latest first. */
  #parts(difference: number): readonly (readonly [charge: number, part: number])[] {
    const parts: (readonly [number, number])[] = [];
    let left = this.#windows.length > 0 ? difference : 0;
    for (let at = this.#charges.length - 1; at >= 0 && left !== 0; at--) {
      const part = Math.max(left, -this.#charges[at]!.amount);
      parts.push([at, part]);
      left -= part;
    }
    return parts;
  }

  /** Nobody waits for it. When it fails, the process is alone: what is more is told later, what is less leaves by itself. */
  async #settle(member: Member, corrections: readonly Correction[], released: readonly string[]): Promise<readonly number[]> {
    try {
      return await member.settle(corrections, released);
    } catch (thrown) {
      this.#counting.fall(member, thrown);
      for (const { difference, ...window } of corrections) if (difference > 0) this.#counting.alone.add(window, difference);
      return [];
    }
  }
}
