import { ServiceError } from '@sluice/errors';
import type { Call, ParameterChange, Principal } from '../domain/call.ts';
import { CallRefusal } from '../domain/call-refusal.ts';
import { countsInFront } from '../domain/limits/counted-refusals.ts';
import type { LimitState } from '../domain/limits/limit-state.ts';
import type { PromptTokens } from '../domain/limits/token-bound.ts';
import type { OpenCalls } from '../domain/open-calls.ts';
import type { OpenCall, RequestFlow } from '../domain/request-flow.ts';
import type { CallFigures } from './call-figures.ts';
import { shownName } from './json-members.ts';

/** What calls of every kind stand on. */
export interface VisitDoor {
  readonly flow: RequestFlow;
  readonly open: OpenCalls;
  readonly figures: CallFigures;
  /** By the value of `Authorization`. Given who it was before, whether that key is still good and what it may do now. */
  principalOf(authorization: string | undefined, known?: Principal): Promise<Principal>;
}

/** One call at the door, whatever it asks and however it came: let in, known by its key, read, and refused with a record; and out again when both its client and its work are gone. */
export class CallVisit<Understood extends Call = Call> {
  readonly callId: string;
  readonly abort: AbortController;
  /** As far as it is: what is refused says so on record. */
  understood: Understood;
  readonly #door: VisitDoor;
  readonly #authorization: string | undefined;
  /** Undefined as long as the key was not found good; what a stranger asks is no call. */
  #principal: Principal | undefined;
  /** What rules made of its parameters. */
  #changes: readonly ParameterChange[] | undefined;
  #limits: LimitState | undefined;
  /** Once the body is here and the key is still good: from then on a signal ends a call that is, or may be, admitted. */
  #isRead = false;
  /** Limits have let it in. */
  #isCounted = false;

  private constructor(door: VisitDoor, callId: string, authorization: string | undefined, understood: Understood, abort: AbortController) {
    this.#door = door;
    this.callId = callId;
    this.#authorization = authorization;
    this.understood = understood;
    this.abort = abort;
  }

  /** Lets a call in; give it back with `clientLeft` and `workEnded`. That somebody we know is not let in is on record before it is told; what cannot be recorded is counted. */
  static async enter<Understood extends Call>(door: VisitDoor, callId: string, authorization: string | undefined, understood: Understood): Promise<CallVisit<Understood>> {
    try {
      return new CallVisit(door, callId, authorization, understood, door.open.enter());
    } catch (thrown) {
      const error = ServiceError.from(thrown);
      door.figures.refused(error.code);
      const leave = door.open.turnAway();
      if (leave) await recordTurnedAway(door, error, callId, authorization, understood).finally(leave);
      else door.figures.unrecorded(error.code);
      throw error;
    }
  }

  /** How far limits are used, as they said last. */
  get limits(): LimitState | undefined {
    return this.#limits;
  }

  /** Who calls. */
  async authenticate(): Promise<void> {
    this.#principal = await this.#door.principalOf(this.#authorization, this.#principal);
  }

  hold(bytes: number): void {
    this.#door.open.hold(this.abort, bytes);
  }

  /** The body is here. It may have taken long, and the key may have died meanwhile or lost what it might do: what counts is what it may do now. */
  async bodyArrived(): Promise<void> {
    const principal = await this.#door.principalOf(this.#authorization, this.#principal);
    this.abort.signal.throwIfAborted();
    this.#principal = principal;
    this.#isRead = true;
  }

  /** The call as the flow runs it, once its body was understood. @param limited is told what `limits` says from then on */
  opened(call: Call, messagesTokens: PromptTokens, limited: (state: LimitState | undefined) => void = nobody): OpenCall {
    return {
      callId: this.callId, principal: this.#principal!, call, messagesTokens, abort: this.abort,
      hold: (bytes) => this.hold(bytes),
      changed: (changes) => void (this.#changes = changes),
      limited: (state) => {
        this.#isCounted = true;
        this.#limits = state;
        limited(state);
      },
    };
  }

  /**
   * What to tell of what was thrown before the call ran to its end. A refusal of somebody we know is on record before it is
   * told. Where the log takes no records, what could say something of the request is not told; that Sluice itself cannot
   * answer now is told, and counted as unrecorded.
   */
  async refuse(thrown: ServiceError): Promise<ServiceError> {
    const { flow, figures } = this.#door;
    const error = await this.#counted(thrown);
    figures.refused(error.code);
    let told = error;
    // A call that was ended by a signal was admitted, and has its record or has lost it; or its client left. What refuses a call was before that.
    const isRefused = error instanceof CallRefusal || error.httpStatus < 500;
    if (this.#principal && (!this.#isRead || isRefused || !this.abort.signal.aborted)) {
      try {
        await flow.refuse(this.callId, this.#principal, { ...this.understood, model: shownName(this.understood.model), changes: this.#changes }, error);
      } catch (lost) {
        figures.unrecorded(error.code);
        if (error.httpStatus < 500) told = ServiceError.from(lost);
      }
    }
    // Who left is told nothing, whatever stands on record.
    return thrown.code === 'cancelled' ? thrown : told;
  }

  /** What refuses a call: limits, where they have not seen it yet and have no room for it; else what is thrown, and it counts as a request. */
  async #counted(thrown: ServiceError): Promise<ServiceError> {
    if (!this.#principal || this.#isCounted || !countsInFront(thrown.code)) return thrown;
    try {
      this.#limits = await this.#door.flow.count(this.#principal);
      return thrown;
    } catch (full) {
      return ServiceError.from(full);
    }
  }

  /** Its answer has left, or it has. */
  clientLeft(hasItsAnswer: boolean): void {
    this.#door.open.clientLeft(this.abort);
    if (!hasItsAnswer) this.abort.abort(new ServiceError('cancelled', 'The client closed the connection.'));
  }

  workEnded(): void {
    this.#door.open.workEnded(this.abort);
  }
}

async function recordTurnedAway({ flow, figures, principalOf }: VisitDoor, error: ServiceError, callId: string, authorization: string | undefined, understood: Call): Promise<void> {
  try {
    await flow.refuse(callId, await principalOf(authorization), { ...understood, model: '' }, error);
  } catch (thrown) {
    // Below 500 only a key is at fault here, and what a stranger asks is no call.
    if (ServiceError.from(thrown).httpStatus >= 500) figures.unrecorded(error.code);
  }
}

function nobody(): void {
  // The visit keeps what limits say.
}
