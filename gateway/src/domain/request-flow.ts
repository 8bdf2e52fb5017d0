import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { AnswerProduction, type Produced } from './answer-production.ts';
import { withoutBackendWords } from './backend-words.ts';
import type { Call, ParameterChange, Principal } from './call.ts';
import { CallRecords, OUTCOME, leftStatus, type CallEnd } from './call-records.ts';
import { CallRefusal } from './call-refusal.ts';
import { agree, type CallTerms } from './call-terms.ts';
import type { LimitState } from './limits/limit-state.ts';
import type { Admission } from './limits/rate-limits.ts';
import { chargedTokens, tokenBound, type PromptTokens, type TokenBound } from './limits/token-bound.ts';
import { OutputVisibility } from './output-visibility.ts';
import { OutputWindow } from './output-window.ts';
import type { Parameters } from './parameters/parameter-rules.ts';
import type { Billing, ContentFilter, Models, ModelView, RandomBytes, Router, Segments, Sink, SpendTalk } from './ports.ts';
import { recordingPlace } from './recording-place.ts';
import { recordRefusal } from './refused-call.ts';

/** A parsed and authenticated call. */
export interface OpenCall {
  readonly callId: string;
  readonly principal: Principal;
  readonly call: Call;
  /** The most that its messages can take (limits/token-bound.ts): known since they were parsed. */
  readonly messagesTokens: PromptTokens;
  /** Ends the call: the client left, the house is closing, the time is over. Its reason is a ServiceError. */
  readonly abort: AbortController;
  /** Takes room for this much of a whole answer. Throws `overloaded` when the process holds too much already. */
  hold(bytes: number): void;
  /** Told what rules made of its parameters, where they did: what refuses it from here on has that on record too. */
  changed(changes: readonly ParameterChange[]): void;
  /** Told when limits let the call in, with how far they are used; undefined when nothing is limited. */
  limited(state: LimitState | undefined): void;
}

type UsableModel = ModelView & { readonly state: 'usable' };

/** A call that limits let in. */
interface LetIn {
  readonly open: OpenCall;
  readonly model: UsableModel;
  readonly call: Call;
  readonly bound: TokenBound;
  /** Tells limits how much output there is so far; undefined where none counts it. */
  readonly used: ((outputTokens: number) => void) | undefined;
  readonly sink: Sink;
  readonly startedMs: number;
  /** What limits are charged at the end. */
  readonly taken: { tokens: number };
}

/** A call that may go to the model. */
interface Course extends LetIn {
  readonly terms: CallTerms;
  readonly money: SpendTalk;
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
  readonly parameters: Parameters;
  readonly limits: Admission;
  readonly filter: ContentFilter;
  readonly billing: Billing;
  readonly randomBytes: RandomBytes;
  readonly clock: Clock;
  /** Longest life of one call. */
  readonly callLimitMs: number;
}

/** The steps of a call, in their order. Nothing else orchestrates. */
export class RequestFlow {
  readonly #house: House;
  readonly #outputs = new OutputVisibility();

  constructor(house: House) {
    this.#house = house;
  }

  /**
   * Runs a call; its output goes to the sink, and only what is durable.
   * Resolves when the end of the call is durable, everything is released and the money that was not spent is back. An
   * error in the summary is the call's own end and is on record; what is thrown is a call that was not admitted, or whose
   * records are lost. Limits have counted it once `limited` was told, or when they refuse it themselves.
   */
  async run(open: OpenCall, sink: Sink): Promise<CallSummary> {
    const { segments, parameters, limits, clock } = this.#house;
    const startedMs = clock.monotonicMs();
    segments.accepting();
    const model = this.#modelOf(open);
    const call = parameters.apply(open.principal, open.call, model.modelName);
    if (call.changes) open.changed(call.changes);
    const bound = tokenBound(call, open.messagesTokens);
    const admitted = limits.admit(open.principal, chargedTokens(bound, call.choices));
    const ticket = admitted instanceof Promise ? await admitted : admitted;
    const taken = { tokens: 0 };
    try {
      open.limited(ticket.state);
      const used = ticket.state?.tokens && ((outputTokens: number): void => ticket.used(bound.inputTokens.charged + outputTokens));
      return await this.#govern({ open, model, call, bound, used, sink, startedMs, taken });
    } finally {
      ticket.end(taken.tokens);
    }
  }

  /**
   * Counts a call that is refused before limits have seen it as the request that it was, without tokens.
   *
   * @returns how far limits are used then  @throws RateLimitRefusal where there is no room for it
   */
  async count(principal: Principal): Promise<LimitState | undefined> {
    const ticket = await this.#house.limits.admit(principal, 0);
    ticket.end(0);
    return ticket.state;
  }

  /** Records that a call was refused; resolves when that is durable. */
  refuse(callId: string, principal: Principal, understood: Call, error: ServiceError): Promise<void> {
    const { segments, randomBytes, clock } = this.#house;
    return recordRefusal({ callId, principal, understood, error, refusedAtMs: clock.wallMs() }, segments, randomBytes);
  }

  /** The model to ask. Throws what refuses the call. */
  #modelOf({ principal, call }: OpenCall): UsableModel {
    const view = this.#house.models.resolve(principal, call.model);
    if (view.state === 'usable') return view;
    throw modelRefusal(view.state);
  }

  /** A call that limits let in, under what content and money let it be. */
  async #govern(course: LetIn): Promise<CallSummary> {
    const { segments, clock, filter, billing } = this.#house;
    const { open, model, call, bound, used } = course;
    const content = filter.begin();
    try {
      const money = billing.begin();
      try {
        const terms = await agree({ ...open, call, bound, modelName: model.modelName, countInput: (asked) => this.#countInput(course, asked), output: this.#outputs.of(model, call), used }, content, money, () => recordingPlace(segments, clock));
        return await this.#conduct({ ...course, terms, money });
      } finally {
        money.end();
      }
    } finally {
      content.end();
    }
  }

  /** Not of a model that may answer outside of the house: a prompt leaves it for its answer alone. */
  async #countInput({ open, model: { modelId, leavesHouse } }: LetIn, call: Call): Promise<number | undefined> {
    if (leavesHouse) return undefined;
    return this.#house.router.countInput({ callId: open.callId, principal: open.principal, call, modelId }, open.abort.signal);
  }

  /** From the admission of a call to its end on record. */
  async #conduct(course: Course): Promise<CallSummary> {
    const { open, model, terms, money, sink, startedMs, taken } = course;
    const { segments, randomBytes, clock, callLimitMs } = this.#house;
    const { abort } = open;
    if (segments.place?.epoch !== terms.place.epoch) throw epochLost(terms);
    const admittedMs = clock.monotonicMs();
    const admittedAtMs = clock.wallMs();
    const records = new CallRecords({ callId: open.callId, principal: open.principal, asked: open.call, call: terms.call, admittedAtMs, governed: terms }, randomBytes);
    const window = new OutputWindow(records, segments, sink, (error) => abort.abort(error));
    const onAbort = (): void => {
      if (hasLeft(abort.signal)) window.clientLeft();
    };
    if (abort.signal.aborted) onAbort();
    abort.signal.addEventListener('abort', onAbort, { once: true });
    const limit = clock.after(callLimitMs, () => abort.abort(new ServiceError('deadline_exceeded', `The call took longer than ${callLimitMs} ms.`)));
    segments.open(window);
    try {
      this.#watchMoney(course, window);
      if (model.leavesHouse) await window.admitted();
      const produced = await this.#produce(course, window);
      if (hasLeft(abort.signal)) records.tally.leave(terms.passage?.usage());
      // A wall clock that is set back meanwhile must not put the end of a call before its beginning.
      const span = { completedAtMs: admittedAtMs + Math.round(clock.monotonicMs() - admittedMs), durationMs: Math.round(clock.monotonicMs() - startedMs) };
      const end = await window.end(this.#endOf(open, window, produced, span));
      await money.settle(records.tally.counts());
      const error = end.outcome === OUTCOME.disconnected ? ServiceError.from(abort.signal.reason) : produced.error;
      const { inputTokens, outputTokens } = records.tally.counts();
      return { error, firstOutputMs: end.firstOutputMs, durationMs: end.durationMs, inputTokens: Number(inputTokens), outputTokens: Number(outputTokens) };
    } finally {
      const { inputTokens, outputTokens } = records.tally.counts();
      taken.tokens = Number(inputTokens + outputTokens);
      limit.cancel();
      abort.signal.removeEventListener('abort', onAbort);
      segments.close(window);
    }
  }

  /** A billing that was away knows the hold of a call again from the log alone, and nothing of what it was extended by. */
  #watchMoney({ open: { abort }, terms, money }: Course, window: OutputWindow): void {
    if (terms.money.hold.limited) window.admit();
    money.onBroken((error) => {
      if (terms.money.hold.limited) abort.abort(error);
    });
  }

  async #produce({ open, model, terms, startedMs }: Course, window: OutputWindow): Promise<Produced> {
    const routed = { callId: open.callId, principal: open.principal, call: terms.call, modelId: model.modelId, asStream: terms.money.hold.limited };
    const { router, clock } = this.#house;
    const produced = await new AnswerProduction({ router, clock, routed, abort: open.abort, passage: terms.passage, window, startedMs, hold: (bytes) => open.hold(bytes) }).run();
    return terms.output && produced.error ? { ...produced, error: withoutBackendWords(produced.error) } : produced;
  }

  #endOf({ abort }: OpenCall, window: OutputWindow, { error, firstOutputMs }: Produced, span: Span): CallEnd {
    const left = hasLeft(abort.signal);
    return {
      outcome: left ? OUTCOME.disconnected : error ? OUTCOME.failed : OUTCOME.answered,
      error: left ? undefined : error,
      httpStatus: left ? leftStatus(window.releasedOutput) : window.hasOutput || !error ? 200 : error.httpStatus,
      ...span,
      firstOutputMs,
    };
  }
}

/** When a call was over, and how long it took with what was asked before its admission. */
interface Span {
  readonly completedAtMs: number;
  readonly durationMs: number;
}

/** The refusal of a model name; the same words for a name that is not there as OpenAI uses. */
export function modelRefusal(state: 'not_allowed' | 'unknown', shownName?: string): ServiceError {
  if (state === 'not_allowed') return new ServiceError('model_not_allowed', 'This API key may not use the requested model.', { param: 'model' });
  return new ServiceError('model_not_found', `The model ${shownName === undefined ? 'you asked for' : `\`${shownName}\``} does not exist or you do not have access to it.`);
}

/** What was set aside for the epoch before goes back when that is closed. */
function epochLost({ inputVerdict, call }: CallTerms): CallRefusal {
  return new CallRefusal(new ServiceError('epoch_lost', 'The call could not be recorded. Try again.'), { inputVerdict, call });
}

function hasLeft(signal: AbortSignal): boolean {
  return signal.aborted && signal.reason instanceof ServiceError && signal.reason.code === 'cancelled';
}
