import type { Clock, Ids } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { ModelInferResponse } from '@sluice/proto/kserve';
import type { Logger } from '@sluice/telemetry';
import type { Call, Principal } from '../../domain/call.ts';
import { CallRefusal } from '../../domain/call-refusal.ts';
import { countsInFront } from '../../domain/limits/counted-refusals.ts';
import type { LimitState } from '../../domain/limits/limit-state.ts';
import type { OpenCalls } from '../../domain/open-calls.ts';
import type { ModelDescriber, Models } from '../../domain/ports.ts';
import type { RequestFlow } from '../../domain/request-flow.ts';
import type { CallFigures } from '../call-figures.ts';
import { shownName } from '../json-members.ts';
import { unreadCall } from './tensor-call.ts';
import { TensorReply } from './tensor-reply.ts';

/** What calls with tensors stand on, over HTTP and over gRPC. */
export interface TensorDoor {
  readonly flow: RequestFlow;
  readonly open: OpenCalls;
  readonly figures: CallFigures;
  readonly models: Models;
  readonly describer: ModelDescriber;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** By the value of `Authorization`. Given who it was before, whether that key is still good and what it may do now. */
  principalOf(authorization: string | undefined, known?: Principal): Promise<Principal>;
}

/** Tensors are bounded by the number of them, and have no messages. */
const NO_MESSAGES_TOKENS = { charged: 0, most: 0 };

/** One call with tensors at the door: let in, run, or refused with a record; and out again when both its client and its work are gone. */
export class TensorVisit {
  readonly callId: string;
  readonly abort: AbortController;
  readonly #door: TensorDoor;
  readonly #authorization: string | undefined;
  #principal: Principal | undefined;
  #understood: Call;
  /** Once the body is here and the key is still good: from then on a signal ends a call that is, or may be, admitted. */
  #isRead = false;
  #isCounted = false;
  /** It has run to its end, whatever that was. */
  #isOnRecord = false;
  #limits: LimitState | undefined;

  private constructor(door: TensorDoor, callId: string, authorization: string | undefined, model: string, abort: AbortController) {
    this.#door = door;
    this.callId = callId;
    this.#authorization = authorization;
    this.#understood = unreadCall(model);
    this.abort = abort;
  }

  /** Lets a call in; give it back with `clientLeft` and `workEnded`. That somebody we know is not let in is on record before it is told; what cannot be recorded is counted. */
  static async enter(door: TensorDoor, callId: string, authorization: string | undefined, model: string): Promise<TensorVisit> {
    try {
      return new TensorVisit(door, callId, authorization, model, door.open.enter());
    } catch (thrown) {
      const error = ServiceError.from(thrown);
      const leave = door.open.turnAway();
      if (leave) await recordTurnedAway(door, error, callId, authorization).finally(leave);
      else door.figures.unrecorded(error.code);
      throw error;
    }
  }

  /** The model that is asked, as soon as it is known: what is refused behind that names it on record. */
  asks(model: string): void {
    this.#understood = unreadCall(model);
  }

  /** How far limits are used, as they said last. */
  get limits(): LimitState | undefined {
    return this.#limits;
  }

  /** Who calls. A body may take long to arrive, and a key may die meanwhile or lose what it might do: so it is asked again behind it. */
  async authenticate(): Promise<void> {
    this.#principal = await this.#door.principalOf(this.#authorization, this.#principal);
  }

  hold(bytes: number): void {
    this.#door.open.hold(this.abort, bytes);
  }

  /** Runs what was read. @param read understands the request, once it is known who asks */
  async run(read: () => Call): Promise<ModelInferResponse> {
    await this.authenticate();
    const principal = this.#principal!;
    this.abort.signal.throwIfAborted();
    this.#isRead = true;
    const call = read();
    this.#understood = call;
    const limited = (state: LimitState | undefined): void => {
      this.#isCounted = true;
      this.#limits = state;
    };
    // Beside the request as it came, the call holds it in the form that is recorded.
    this.hold(call.tensors?.length ?? 0);
    const open = { callId: this.callId, principal, call, messagesTokens: NO_MESSAGES_TOKENS, abort: this.abort, hold: (bytes: number) => this.hold(bytes), changed: () => undefined, limited };
    const reply = new TensorReply();
    const summary = await this.#door.flow.run(open, reply);
    this.#isOnRecord = true;
    this.#door.figures.ended(false, summary);
    if (summary.error) throw summary.error;
    return reply.response;
  }

  /**
   * What to tell of what was thrown. A refusal of somebody we know is on record before it is told; where the log takes no
   * records, what could say something of the request is not told, and that Sluice itself cannot answer now is, and is counted.
   */
  async refuse(thrown: unknown): Promise<ServiceError> {
    const given = ServiceError.from(thrown);
    if (this.#isOnRecord) return given;
    const { flow, figures } = this.#door;
    const error = await this.#counted(given);
    figures.refused(error.code);
    let told = error;
    // A call that was ended by a signal was admitted, and has its record or has lost it; or its client left. What refuses a call was before that.
    const isRefused = error instanceof CallRefusal || error.httpStatus < 500;
    if (this.#principal && (!this.#isRead || isRefused || !this.abort.signal.aborted)) {
      try {
        await flow.refuse(this.callId, this.#principal, { ...this.#understood, model: shownName(this.#understood.model) }, error);
      } catch (lost) {
        figures.unrecorded(error.code);
        if (error.httpStatus < 500) told = ServiceError.from(lost);
      }
    }
    // Who left is told nothing, whatever stands on record.
    return given.code === 'cancelled' ? given : told;
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

  clientLeft(hasItsAnswer: boolean): void {
    this.#door.open.clientLeft(this.abort);
    if (!hasItsAnswer) this.abort.abort(new ServiceError('cancelled', 'The client closed the connection.'));
  }

  workEnded(): void {
    this.#door.open.workEnded(this.abort);
  }
}

async function recordTurnedAway({ flow, figures, principalOf }: TensorDoor, error: ServiceError, callId: string, authorization: string | undefined): Promise<void> {
  try {
    await flow.refuse(callId, await principalOf(authorization), unreadCall(''), error);
  } catch (thrown) {
    // Below 500 only a key is at fault here, and what a stranger asks is no call.
    if (ServiceError.from(thrown).httpStatus >= 500) figures.unrecorded(error.code);
  }
}
