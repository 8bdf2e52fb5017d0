import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { Call, Events, Principal } from './call.ts';
import { CallRecords, OUTCOME, leftStatus, type CallEnd } from './call-records.ts';
import { OutputWindow, bytesOf, isLeaving, isOutput } from './output-window.ts';
import type { Models, ModelView, RandomBytes, RoutedCall, Router, Segments, Sink } from './ports.ts';
import { recordRefusal } from './refused-call.ts';

/** A parsed and authenticated call. */
export interface OpenCall {
  readonly callId: string;
  readonly principal: Principal;
  readonly call: Call;
  /** Ends the call: the client left, the house is closing, the time is over. Its reason is a ServiceError. */
  readonly abort: AbortController;
  /** Takes room for this much of a whole answer. Throws `overloaded` when the process holds too much already. */
  hold(bytes: number): void;
}

/** What a call came to; for metrics. */
export interface CallSummary {
  readonly error: ServiceError | undefined;
  readonly firstOutputMs: number;
  readonly durationMs: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface House {
  readonly router: Router;
  readonly segments: Segments;
  readonly models: Models;
  readonly randomBytes: RandomBytes;
  readonly clock: Clock;
  /** Longest life of one call. */
  readonly callLimitMs: number;
}

/** The steps of a call, in their order. Nothing else orchestrates. */
export class RequestFlow {
  readonly #house: House;

  constructor(house: House) {
    this.#house = house;
  }

  /**
   * Runs a call; its output goes to the sink, and only what is durable.
   * Resolves when the end of the call is durable and everything is released. An error in the summary is the call's own
   * end and is on record; what is thrown is a call that was not admitted, or whose records are lost.
   */
  async run(open: OpenCall, sink: Sink): Promise<CallSummary> {
    const { segments, randomBytes, clock, callLimitMs } = this.#house;
    const startedMs = clock.monotonicMs();
    segments.accepting();
    const { modelId, leavesHouse } = this.#admit(open);
    const admittedAtMs = clock.wallMs();
    const records = new CallRecords({ ...open, admittedAtMs }, randomBytes);
    const window = new OutputWindow(records, segments, sink, (error) => open.abort.abort(error));
    const onAbort = (): void => {
      if (hasLeft(open.abort.signal)) window.clientLeft();
    };
    open.abort.signal.addEventListener('abort', onAbort, { once: true });
    const limit = clock.after(callLimitMs, () => open.abort.abort(new ServiceError('deadline_exceeded', `The call took longer than ${callLimitMs} ms.`)));
    segments.open(window);
    try {
      if (leavesHouse) await window.admitted();
      const produced = await this.#produce({ ...open, modelId }, window, startedMs);
      const end = await window.end(this.#endOf(open, window, produced, { admittedAtMs, durationMs: Math.round(clock.monotonicMs() - startedMs) }));
      const error = end.outcome === OUTCOME.disconnected ? ServiceError.from(open.abort.signal.reason) : produced.error;
      const { inputTokens, outputTokens } = records.tally.counts();
      return { error, firstOutputMs: end.firstOutputMs, durationMs: end.durationMs, inputTokens: Number(inputTokens), outputTokens: Number(outputTokens) };
    } finally {
      limit.cancel();
      open.abort.signal.removeEventListener('abort', onAbort);
      segments.close(window);
    }
  }

  /** Records that a call was refused; resolves when that is durable. */
  refuse(callId: string, principal: Principal, understood: Call, error: ServiceError): Promise<void> {
    const { segments, randomBytes, clock } = this.#house;
    return recordRefusal({ callId, principal, understood, error, refusedAtMs: clock.wallMs() }, segments, randomBytes);
  }

  /** The model to ask. Throws what refuses the call. */
  #admit({ principal, call }: OpenCall): ModelView & { readonly state: 'usable' } {
    const view = this.#house.models.resolve(principal, call.model);
    if (view.state === 'usable') return view;
    throw modelRefusal(view.state);
  }

  /**
   * Until the admission is durable the router keeps the prompt inside, whatever this process's copy of the registry says;
   * when nothing inside can answer, the record is awaited and the router asked again.
   */
  async #produce(routed: OpenCall & { readonly modelId: string }, window: OutputWindow, startedMs: number): Promise<Produced> {
    const { abort } = routed;
    const { clock } = this.#house;
    let firstOutputMs = 0;
    const sawOutput = (events: Events): void => {
      if (firstOutputMs === 0 && events.some(({ event }) => event.case === 'delta')) firstOutputMs = Math.max(1, Math.round(clock.monotonicMs() - startedMs));
    };
    try {
      abort.signal.throwIfAborted();
      const insideOnly = !window.isAdmitted;
      try {
        await this.#answer({ ...routed, insideOnly }, window, sawOutput);
      } catch (thrown) {
        if (!insideOnly || ServiceError.from(thrown).code !== 'admission_required') throw thrown;
        await window.admitted();
        abort.signal.throwIfAborted();
        await this.#answer({ ...routed, insideOnly: false }, window, sawOutput);
      }
      return { error: undefined, firstOutputMs };
    } catch (thrown) {
      return { error: ServiceError.from(abort.signal.aborted ? abort.signal.reason : thrown), firstOutputMs };
    }
  }

  async #answer(routed: OpenCall & RoutedCall, window: OutputWindow, sawOutput: (events: Events) => void): Promise<void> {
    const { router } = this.#house;
    const { call, abort } = routed;
    if (!call.stream) return this.#wholeAnswer(routed, window, sawOutput);
    for await (const events of router.stream(routed, abort.signal)) {
      sawOutput(events);
      window.push(events);
      const wait = events.some(isLeaving) ? window.durable() : window.room();
      if (wait) await orAborted(wait, abort.signal);
      abort.signal.throwIfAborted();
    }
  }

  /** Nothing of an answer that breaks off is released, so nothing of it is output. */
  async #wholeAnswer(routed: OpenCall & RoutedCall, window: OutputWindow, sawOutput: (events: Events) => void): Promise<void> {
    const { signal } = routed.abort;
    const whole: Events[] = [];
    try {
      for await (const events of this.#house.router.stream(routed, signal)) {
        if (!events.some(isOutput)) {
          window.push(events);
          if (events.some(isLeaving)) await orAborted(window.durable(), signal);
          continue;
        }
        routed.hold(bytesOf(events));
        sawOutput(events);
        whole.push(events);
      }
      signal.throwIfAborted();
    } catch (thrown) {
      for (const events of whole) window.learn(events);
      throw thrown;
    }
    for (const events of whole) window.hold(events);
  }

  #endOf({ abort }: OpenCall, window: OutputWindow, { error, firstOutputMs }: Produced, { admittedAtMs, durationMs }: Span): CallEnd {
    const left = hasLeft(abort.signal);
    return {
      outcome: left ? OUTCOME.disconnected : error ? OUTCOME.failed : OUTCOME.answered,
      error: left ? undefined : error,
      httpStatus: left ? leftStatus(window.releasedOutput) : window.hasOutput || !error ? 200 : error.httpStatus,
      // A wall clock that is set back meanwhile must not put the end of a call before its beginning.
      completedAtMs: admittedAtMs + durationMs,
      durationMs,
      firstOutputMs,
    };
  }
}

interface Produced {
  readonly error: ServiceError | undefined;
  readonly firstOutputMs: number;
}

/** When a call was admitted by the wall clock, and how long it took by the monotonic one. */
interface Span {
  readonly admittedAtMs: number;
  readonly durationMs: number;
}

/** The refusal of a model name; the same words for a name that is not there as OpenAI uses. */
export function modelRefusal(state: 'not_allowed' | 'unknown', shownName?: string): ServiceError {
  if (state === 'not_allowed') return new ServiceError('model_not_allowed', 'This API key may not use the requested model.', { param: 'model' });
  return new ServiceError('model_not_found', `The model ${shownName === undefined ? 'you asked for' : `\`${shownName}\``} does not exist or you do not have access to it.`);
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

function hasLeft(signal: AbortSignal): boolean {
  return signal.aborted && signal.reason instanceof ServiceError && signal.reason.code === 'cancelled';
}
