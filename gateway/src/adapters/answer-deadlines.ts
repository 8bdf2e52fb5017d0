import type { Clock, Timer } from '@sluice/clock';

/** An answer comes this much later than its deadline at most before it counts as late. */
const LOOK_EVERY_MS = 250;

/** Somebody who waits for an answer. */
export interface Waiting {
  /** On the monotonic clock; later than before when the same one waits for its next answer. */
  readonly untilMs: number;
  /** The answer did not come in time. Told once. */
  late(): void;
}

/** Deadlines of many short waits under one coarse timer: a timer of its own would cost a token more than all else that is done with it. */
export class AnswerDeadlines {
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiting>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  nowMs(): number {
    return this.#clock.monotonicMs();
  }

  begin(waiting: Waiting): void {
    this.#waiting.add(waiting);
    this.#timer ??= this.#clock.every(LOOK_EVERY_MS, () => this.#look());
  }

  end(waiting: Waiting): void {
    this.#waiting.delete(waiting);
  }

  /** The timer stays until it has nothing to look at, so that answers that come at once do not start one each. */
  #look(): void {
    const nowMs = this.nowMs();
    const late = [...this.#waiting].filter(({ untilMs }) => nowMs >= untilMs);
    // When this process itself was held up, the answers lie there already: they are read before the immediates run.
    if (late.length > 0) setImmediate(() => setImmediate(() => this.#giveUp(late)));
    if (this.#waiting.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Of one that was answered meanwhile and asked the next thing at once, the time is not over any more. */
  #giveUp(late: readonly Waiting[]): void {
    const nowMs = this.nowMs();
    for (const waiting of late) if (nowMs >= waiting.untilMs && this.#waiting.delete(waiting)) waiting.late();
  }
}
