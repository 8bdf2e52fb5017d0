import { askedBytes, estimateTokens } from '@sluice/segment';
import type { Call, Events } from './call.ts';
import type { FilteredOutput } from './filtered-output.ts';
import { OutputMeter } from './output-meter.ts';
import type { Covered, Spending } from './spending.ts';

const NOTHING: Events = [];

/** The way of a call's output between the model and its record: what money covers, and of that what may be said. */
export class GovernedOutput {
  readonly #call: Call;
  readonly #spending: Spending | undefined;
  readonly #filtered: FilteredOutput | undefined;
  readonly #meter: OutputMeter;
  readonly #onUsed: ((outputTokens: number) => void) | undefined;
  #keepOriginal: ((given: Events) => void) | undefined;
  #isOver = false;
  #isFlushed = false;
  #hasUsage = false;

  /**
   * @param spending of a call that costs something
   * @param filtered where a rule looks at output
   * @param onUsed told with each batch how much output there is so far, where a limit counts it
   */
  constructor(call: Call, spending: Spending | undefined, filtered: FilteredOutput | undefined, onUsed?: (outputTokens: number) => void) {
    this.#call = call;
    this.#spending = spending;
    this.#filtered = filtered;
    this.#meter = spending?.meter ?? new OutputMeter();
    this.#onUsed = onUsed;
  }

  /** True when nothing more may be produced. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** From now on tells what goes into the filter, before it does. */
  onOriginal(keep: (given: Events) => void): void {
    this.#keepOriginal = keep;
  }

  /** What may leave of a batch, and of what was held before it; at once where nothing has to be asked. */
  pass(events: Events): Events | Promise<Events> {
    if (!this.#spending) {
      this.#meter.add(events);
      return this.#filter({ events, isOver: false });
    }
    const covered = this.#spending.cover(events);
    return covered instanceof Promise ? covered.then((late) => this.#filter(late)) : this.#filter(covered);
  }

  #filter({ events, isOver }: Covered): Events | Promise<Events> {
    this.#isOver = isOver;
    this.#onUsed?.(this.#meter.tokens);
    return this.#filtered && events.some(isFiltered) ? this.#push(this.#filtered, events, isOver) : events;
  }

  async #push(filtered: FilteredOutput, events: Events, last: boolean): Promise<Events> {
    this.#keepOriginal?.(events);
    const free = await filtered.push(events, last);
    this.#isFlushed = last;
    this.#isOver ||= filtered.isOver;
    this.#hasUsage ||= free.some(({ event }) => event.case === 'usage');
    return free;
  }

  /** What was produced until now, whatever became of it. */
  usage(): Events[number] {
    return this.#spending?.usage() ?? this.#meter.usage(() => estimateTokens(askedBytes(this.#call)));
  }

  /** What was held until nothing follows, and a count where the model was stopped before it could give one. */
  async rest(): Promise<Events> {
    if (!this.#filtered) return NOTHING;
    if (this.#filtered.isOver) return this.#hasUsage ? NOTHING : [this.usage()];
    return this.#isFlushed ? NOTHING : this.#filtered.push(NOTHING, true);
  }
}

/** Where a prompt goes and how much was produced is no output, and must not wait for a filter. */
function isFiltered({ event }: Events[number]): boolean {
  return event.case !== 'attempt' && event.case !== 'started' && event.case !== 'counts';
}
