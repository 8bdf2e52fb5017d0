import type { ServiceError } from '@sluice/errors';
import { CALL_STEPS_LIMIT, TURN_STEPS } from './limits.ts';
import type { Policy, PolicyRule, TextDirection, TextStream } from './policy.ts';
import { recurringTextsOf, type RecurringTexts } from './recurring-texts.ts';

/** What looking at one call costs, in steps of the engine: so that no call keeps others from their turn, or a core for long. */
export class Work {
  readonly #tooMuch: (dearest: string) => ServiceError;
  readonly #turn: { steps: number };
  #steps = 0;
  #subject = '';
  /** Steps that the dearest so far has cost, and those before the one that is looked at now. */
  #dearest = { subject: '', steps: 0 };
  #before = 0;

  /** @param tooMuch what is thrown when one call would cost too much; told what of it cost most */
  constructor(tooMuch: (dearest: string) => ServiceError, turn = { steps: 0 }) {
    this.#tooMuch = tooMuch;
    this.#turn = turn;
  }

  /** As much once more, out of the same turns. */
  again(): Work {
    return new Work(this.#tooMuch, this.#turn);
  }

  /** What is looked at from here on. */
  begin(subject: string): void {
    this.#weigh();
    this.#subject = subject;
    this.#before = this.#steps;
  }

  #weigh(): void {
    const steps = this.#steps - this.#before;
    if (steps > this.#dearest.steps) this.#dearest = { subject: this.#subject, steps };
  }

  /** Errors: the one that it was made with. */
  readonly spend = (steps: number): void => {
    this.#turn.steps += steps;
    this.#steps += steps;
    if (this.#steps <= CALL_STEPS_LIMIT) return;
    this.#weigh();
    throw this.#tooMuch(this.#dearest.subject);
  };

  /** True when others should get theirs: then the next turn begins. */
  isTurnOver(): boolean {
    if (this.#turn.steps < TURN_STEPS) return false;
    this.#turn.steps = 0;
    return true;
  }
}

/** Runs what yields between stretches of text to its end. @param turn lets others have theirs */
export async function inTurns<T>(run: Generator<void, T>, work: Work, turn: () => Promise<void>): Promise<T> {
  // Ends with the text: each step looks at a stretch of it.
  for (;;) {
    const step = run.next();
    if (step.done) return step.value;
    if (work.isTurnOver()) await turn();
  }
}

/** A policy of which everything that is looked at is counted. */
export class MeteredPolicy implements Policy {
  readonly version: bigint;
  readonly filtersInput: boolean;
  readonly filtersOutput: boolean;
  readonly recurring: Readonly<Record<TextDirection, RecurringTexts>>;
  readonly #policy: Policy;
  readonly #work: Work;

  constructor(policy: Policy, work: Work) {
    this.version = policy.version;
    this.filtersInput = policy.filtersInput;
    this.filtersOutput = policy.filtersOutput;
    this.recurring = recurringTextsOf(policy);
    this.#policy = policy;
    this.#work = work;
  }

  /** What is blocked is looked at once more, for its record: that it costs much is no reason to tell a client anything else. */
  get masksAlone(): MeteredPolicy {
    return new MeteredPolicy(this.#policy.masksAlone, this.#work.again());
  }

  rule(index: number): PolicyRule {
    return this.#policy.rule(index);
  }

  open(direction: TextDirection): TextStream {
    return this.#policy.open(direction, this.#work.spend);
  }
}
