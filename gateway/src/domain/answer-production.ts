import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { Events } from './call.ts';
import type { GovernedOutput } from './governed-output.ts';
import { bytesOf, isLeaving, isOutput, type OutputWindow } from './output-window.ts';
import type { RoutedCall, Router } from './ports.ts';

/** How the production of an answer ended. */
export interface Produced {
  readonly error: ServiceError | undefined;
  /** 0: never. */
  readonly firstOutputMs: number;
}

export interface AnswerProductionParts {
  readonly router: Router;
  readonly clock: Clock;
  readonly routed: Omit<RoutedCall, 'insideOnly'>;
  readonly abort: AbortController;
  /** Undefined when nothing looks at the output. */
  readonly passage: GovernedOutput | undefined;
  readonly window: OutputWindow;
  readonly startedMs: number;
  /** Takes room for this much of a whole answer. Throws `overloaded` when there is none. */
  hold(bytes: number): void;
}

/** Brings the answer of one call from the router to its window, by way of what looks at it. */
export class AnswerProduction {
  readonly #from: AnswerProductionParts;
  /** An answer that is not streamed, until it is whole. */
  readonly #whole: Events[] = [];
  /** What it was made of, where that is kept. */
  readonly #wholeOriginals: Events[] = [];
  #firstOutputMs = 0;

  constructor(from: AnswerProductionParts) {
    this.#from = from;
    if (this.#keepsOriginals) from.passage?.onOriginal((given) => this.#keepOriginal(given.filter(isOutput)));
  }

  get #keepsOriginals(): boolean {
    return this.#from.routed.principal.keepsOriginals === true;
  }

  /**
   * Until the admission is durable the router keeps the prompt inside, whatever this process's copy of the registry says;
   * when nothing inside can answer, the record is awaited and the router asked again.
   */
  async run(): Promise<Produced> {
    const { abort: { signal }, window } = this.#from;
    try {
      signal.throwIfAborted();
      const insideOnly = !window.isAdmitted;
      try {
        await this.#answer(insideOnly);
      } catch (thrown) {
        if (!insideOnly || ServiceError.from(thrown).code !== 'admission_required') throw thrown;
        await window.admitted();
        signal.throwIfAborted();
        await this.#answer(false);
      }
      return { error: undefined, firstOutputMs: this.#firstOutputMs };
    } catch (thrown) {
      return { error: ServiceError.from(signal.aborted ? signal.reason : thrown), firstOutputMs: this.#firstOutputMs };
    }
  }

  async #answer(insideOnly: boolean): Promise<void> {
    const { router, routed, passage, window, abort: { signal } } = this.#from;
    try {
      for await (const events of router.stream({ ...routed, insideOnly }, signal)) {
        const passed = passage ? passage.pass(events) : events;
        const wait = this.#take(passed instanceof Promise ? await passed : passed);
        if (wait) await orAborted(wait, signal);
        signal.throwIfAborted();
        if (passage?.isOver) break;
      }
      if (passage) this.#take(await passage.rest());
      signal.throwIfAborted();
      // Half of a text can leave; of tensors there is no half.
      if (passage?.isOver && routed.call.tensors) throw new ServiceError('content_policy_violation', 'The answer was blocked by a rule of your organisation.');
    } catch (thrown) {
      // Nothing of a whole answer that breaks off is released, so nothing of it is output.
      for (const events of this.#whole) window.learn(events);
      throw thrown;
    }
    for (const given of this.#wholeOriginals) {
      window.keepOriginal(given);
      // In records of their own: with the answer they could be more than a reader takes for one body.
      const wait = window.room();
      if (wait) await orAborted(wait, signal);
    }
    for (const events of this.#whole) window.hold(events);
  }

  /** Before the filter gives anything back for it. What an answer was made of that is never whole is not recorded, as that answer is not. */
  #keepOriginal(given: Events): void {
    const { routed, window } = this.#from;
    if (given.length === 0) return;
    if (routed.call.stream) return window.keepOriginal(given);
    this.#from.hold(bytesOf(given));
    this.#wholeOriginals.push(given);
  }

  /** Gives what is to be awaited before the router is asked for more. */
  #take(events: Events): Promise<void> | undefined {
    const { routed, window, clock, startedMs } = this.#from;
    // Of a batch that the filter holds its original may be pending.
    if (events.length === 0) return this.#keepsOriginals && routed.call.stream ? window.room() : undefined;
    if (this.#firstOutputMs === 0 && events.some(({ event }) => event.case === 'delta' || event.case === 'tensors')) this.#firstOutputMs = Math.max(1, Math.round(clock.monotonicMs() - startedMs));
    if (!routed.call.stream && (this.#whole.length > 0 || events.some(isOutput))) {
      this.#from.hold(bytesOf(events));
      this.#whole.push(events);
      return undefined;
    }
    window.push(events);
    if (events.some(isLeaving)) return window.durable();
    return routed.call.stream ? window.room() : undefined;
  }
}

/** A client that does not read must not keep a call from ending. */
async function orAborted(wait: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    await Promise.race([wait, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
