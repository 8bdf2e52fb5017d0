import type { ServiceError } from '@sluice/errors';
import { CALL_STEPS_LIMIT, TURN_STEPS } from './limits.ts';
import type { Policy, PolicyRule, TextDirection, TextStream } from './policy.ts';
import { recurringTextsOf, type RecurringTexts } from './recurring-texts.ts';

/** What looking at one call costs, in steps of the engine: so that no call keeps others from their turn, or a core for long. */
export class Work {
  readonly #tooMuch: () => ServiceError;
  #stepsInTurn = 0;
  #steps = 0;

  /** @param tooMuch what is thrown when one call would cost too much */
  constructor(tooMuch: () => ServiceError) {
    this.#tooMuch = tooMuch;
  }

  /** Errors: the one that it was made with. */
  readonly spend = (steps: number): void => {
    this.#stepsInTurn += steps;
    this.#steps += steps;
    if (this.#steps > CALL_STEPS_LIMIT) throw this.#tooMuch();
  };

  /** True when others should get theirs: then the next turn begins. */
  isTurnOver(): boolean {
    if (this.#stepsInTurn < TURN_STEPS) return false;
    this.#stepsInTurn = 0;
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

  get masksAlone(): MeteredPolicy {
    return new MeteredPolicy(this.#policy.masksAlone, this.#work);
  }

  rule(index: number): PolicyRule {
    return this.#policy.rule(index);
  }

  open(direction: TextDirection): TextStream {
    return this.#policy.open(direction, this.#work.spend);
  }
}
