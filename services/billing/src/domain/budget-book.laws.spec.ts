import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { countsOf, isRefusal, PRICE, requestOf, setCap, SUBJECTS } from '../testing/holds.ts';
import type { Subject } from './account.ts';
import { BudgetBook } from './budget-book.ts';

const LEVELS: readonly Subject[] = ['organisation', 'team', 'project', 'user', 'key', 'model'].map((level) => ({ level, id: `${level}_1` }));

function totalOf(book: BudgetBook, subject: Subject, day = 100): bigint {
  const { spentNano, settlingNano, heldNano } = book.account(subject).standing(day);
  return spentNano + settlingNano + heldNano;
}

/** The same numbers in every run. */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('1,000 callers on the last cent at 6 levels', () => {
  const CALLERS = 1_000;
  const ROUNDS = 1_000;
  /** 10 tokens of input and one of output, which is the least there is: a caller gets all or nothing. */
  const COST = 35n;

  it(`never spend one nano-unit too much and are never refused while there is room, in ${ROUNDS} rounds`, () => {
    for (let round = 0; round < ROUNDS; round++) {
      const below = numbersFrom(round);
      const book = new BudgetBook();
      const fits = below(CALLERS + 1);
      const cap = COST * BigInt(fits) + BigInt(below(35));
      // One level is tight, the others have a little more.
      const tight = below(LEVELS.length);
      LEVELS.forEach((level, at) => setCap(book, level, at === tight ? cap : cap + BigInt(below(1_000_000))));
      let grantedCalls = 0;
      for (let caller = 0; caller < CALLERS; caller++) {
        const answer = book.hold(requestOf(`${caller}`, { subjects: LEVELS, outputTokens: 1n }));
        if (!isRefusal(answer)) grantedCalls++;
        // Some are done in between: at their full price, so that no room comes back.
        if (!isRefusal(answer) && below(3) === 0) book.settle(`${caller}`, countsOf(10n, 1n));
      }
      const totals = LEVELS.map((level) => totalOf(book, level));
      if (grantedCalls !== fits || totals.some((total) => total !== COST * BigInt(fits))) {
        throw new Error(`round ${round}: ${grantedCalls} granted of ${fits} that fit, totals ${totals.join(' ')}`);
      }
    }
  }, 60_000);
});

type Step =
  | { readonly do: 'hold'; readonly call: number; readonly input: number; readonly output: number; readonly key: number }
  | { readonly do: 'extend'; readonly call: number; readonly output: number; readonly input: number | undefined }
  | { readonly do: 'settle' | 'end'; readonly call: number; readonly share: number }
  | { readonly do: 'release'; readonly call: number }
  | { readonly do: 'cap'; readonly level: number; readonly amount: number }
  | { readonly do: 'close' }
  | { readonly do: 'tomorrow' };

const call = fc.nat(11);
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('hold' as const), call, input: fc.nat(50), output: fc.nat(50), key: fc.nat(2) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('extend' as const), call, output: fc.nat(200), input: fc.option(fc.nat(50), { nil: undefined }) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('settle' as const), call, share: fc.nat(120) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('end' as const), call, share: fc.nat(100) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('release' as const), call }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('cap' as const), level: fc.nat(2), amount: fc.nat(2_000) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('tomorrow' as const) }) },
  ),
  { maxLength: 80 },
);

/** Plays steps on a book where every level is capped by the day, and on the plainest possible account of it. */
class Play {
  readonly book = new BudgetBook();
  day = 100;
  epoch = 1n;
  /** What each open call sets aside, by the book's own answers. */
  readonly open = new Map<number, { readonly key: number; readonly day: number; readonly input: number; isFresh: boolean; amount: bigint; settled: bigint | undefined; readonly epoch: bigint }>();
  readonly spent = new Map<string, bigint>();
  readonly caps: bigint[] = [1_000n, 1_500n, 800n];
  /** What was there when a cap was set below it, by subject and day. */
  readonly floors = new Map<string, bigint>();

  constructor() {
    for (let key = 0; key < 3; key++) this.#cap(key);
  }

  subjects(key: number): Subject[] {
    return SUBJECTS.map((subject) => (subject.level === 'key' ? { level: 'key', id: `key_${key}` } : subject));
  }

  step(step: Step): void {
    if (step.do === 'hold') this.#hold(step);
    else if (step.do === 'tomorrow') this.day++;
    else if (step.do === 'close') this.#close();
    else if (step.do === 'cap') this.#lower(step.level, BigInt(step.amount));
    else this.#change(step);
  }

  /** Money of a subject on a day, added up from the calls one by one. */
  expected(subject: Subject, day: number): bigint {
    let total = this.spent.get(`${subject.id} ${day}`) ?? 0n;
    for (const hold of this.open.values()) {
      if (hold.day === day && this.subjects(hold.key).some(({ id }) => id === subject.id)) total += hold.settled ?? hold.amount;
    }
    return total;
  }

  #hold({ call, input, output, key }: Extract<Step, { do: 'hold' }>): void {
    const known = this.open.get(call);
    const isSame = known && (!known.isFresh || known.input === input);
    // A fresh hold that comes with another count of its input gives back what it held, and is held anew.
    if (!isSame) this.open.delete(call);
    const subjects = this.subjects(key);
    const request = { subjects, day: this.day, epoch: this.epoch, inputTokensBound: BigInt(input), outputTokens: BigInt(output) };
    const least = BigInt(input) * 3n + (output > 0 ? 5n : 0n);
    const fits = subjects.every((subject, level) => this.expected(subject, this.day) + least <= this.caps[level]!) || least === 0n;
    const answer = this.book.hold(requestOf(`${call}`, request));
    if (isSame) return expect(answer).toMatchObject({ amountNano: known.amount });
    expect(isRefusal(answer)).toBe(!fits && least > 0n);
    if (isRefusal(answer)) {
      expect(answer.spentNano + answer.settlingNano + answer.heldNano).toBe(this.expected(answer.subject, this.day));
    } else this.open.set(call, { key, day: this.day, input, isFresh: true, amount: answer.amountNano, settled: undefined, epoch: this.epoch });
  }

  #change(step: Extract<Step, { call: number }>): void {
    const hold = this.open.get(step.call);
    if (!hold) return;
    const id = `${step.call}`;
    if (step.do === 'extend') {
      const before = hold.amount;
      hold.isFresh = false;
      const covered = this.book.holdOf(id)!.outputTokens;
      const extended = this.book.extend(id, BigInt(step.output), undefined, step.input === undefined ? undefined : BigInt(step.input));
      hold.amount = extended.amountNano;
      expect(extended.outputTokens).toBeGreaterThanOrEqual(covered);
      expect(hold.amount).toBeGreaterThanOrEqual(before);
    } else if (step.do === 'settle') {
      const tokens = (hold.amount * BigInt(step.share)) / 500n;
      const { costNano, overrunNano } = this.book.settle(id, countsOf(0n, tokens));
      hold.settled ??= costNano - overrunNano;
      hold.isFresh = false;
    } else {
      this.open.delete(step.call);
      if (step.do === 'release') return this.book.release(id);
      const spentNano = hold.settled ?? (step.do === 'end' ? (hold.amount * BigInt(step.share)) / 100n : 0n);
      this.book.end({ callId: id, subjects: this.subjects(hold.key), day: hold.day, spentNano });
      for (const subject of this.subjects(hold.key)) {
        const at = `${subject.id} ${hold.day}`;
        this.spent.set(at, (this.spent.get(at) ?? 0n) + spentNano);
      }
    }
  }

  #close(): void {
    this.book.closeEpoch({ producer: 'gateway', epoch: this.epoch });
    this.epoch++;
    this.open.clear();
  }

  #lower(level: number, amount: bigint): void {
    this.caps[level] = amount;
    for (let key = 0; key < 3; key++) this.#cap(key);
  }

  #cap(key: number): void {
    this.subjects(key).forEach((subject, level) => {
      setCap(this.book, subject, this.caps[level]!);
      for (let day = 100; day <= this.day; day++) {
        const at = `${subject.id} ${day}`;
        const floor = this.expected(subject, day);
        if (floor > (this.floors.get(at) ?? 0n)) this.floors.set(at, floor);
      }
    });
  }
}

describe('the book of budgets', () => {
  it('never holds and spends more than a cap, or than was there when it was lowered, refuses nothing that fits, and adds up to the last nano-unit, over days', () => {
    fc.assert(
      fc.property(steps, (given) => {
        const play = new Play();
        for (const step of given) {
          play.step(step);
          for (let key = 0; key < 3; key++) {
            play.subjects(key).forEach((subject, level) => {
              for (let day = 100; day <= play.day; day++) {
                const total = totalOf(play.book, subject, day);
                expect(total).toBe(play.expected(subject, day));
                const allowed = [play.caps[level]!, play.floors.get(`${subject.id} ${day}`) ?? 0n].reduce((left, right) => (left > right ? left : right));
                expect(total).toBeLessThanOrEqual(allowed);
              }
            });
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it('is back at nothing when every call has been returned', () => {
    fc.assert(
      fc.property(steps, (given) => {
        const play = new Play();
        for (const step of given) if (step.do !== 'end' && step.do !== 'settle') play.step(step);
        play.step({ do: 'close' });
        expect(play.book.holds).toBe(0);
        for (let key = 0; key < 3; key++) for (const subject of play.subjects(key)) expect(play.book.account(subject).heldNano).toBe(0n);
      }),
      { numRuns: 200 },
    );
  });

  it('counts at a price of exact integers', () => {
    const book = new BudgetBook();
    const price = { ...PRICE, outputNano: 9_007_199_254_741n, reasoningNano: 0n, inputNano: 0n, cachedInputNano: 0n };
    setCap(book, SUBJECTS[2]!, 9_007_199_254_741n * 3n);
    const answers = ['a', 'b', 'c', 'd'].map((callId) => book.hold(requestOf(callId, { price, outputTokens: 1n })));
    expect(answers.map(isRefusal)).toEqual([false, false, false, true]);
    expect(totalOf(book, SUBJECTS[2]!)).toBe(27_021_597_764_223n);
  });
});
