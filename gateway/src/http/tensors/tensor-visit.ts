import type { Clock, Ids } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { ModelInferResponse } from '@sluice/proto/kserve';
import type { Logger } from '@sluice/telemetry';
import type { Call } from '../../domain/call.ts';
import type { ModelDescriber, Models } from '../../domain/ports.ts';
import { CallVisit, type VisitDoor } from '../call-visit.ts';
import { unreadCall } from './tensor-call.ts';
import { TensorReply } from './tensor-reply.ts';

/** What calls with tensors stand on, over HTTP and over gRPC. */
export interface TensorDoor extends VisitDoor {
  readonly models: Models;
  readonly describer: ModelDescriber;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
}

/** Tensors are bounded by the number of them, and have no messages. */
const NO_MESSAGES_TOKENS = { charged: 0, most: 0 };

/** One call with tensors at the door. */
export class TensorVisit {
  readonly visit: CallVisit;
  readonly #door: TensorDoor;
  /** It has run to its end, whatever that was. */
  #isOnRecord = false;

  private constructor(door: TensorDoor, visit: CallVisit) {
    this.#door = door;
    this.visit = visit;
  }

  /** As `CallVisit.enter`. @param model empty where it is not known yet */
  static async enter(door: TensorDoor, callId: string, authorization: string | undefined, model: string): Promise<TensorVisit> {
    return new TensorVisit(door, await CallVisit.enter(door, callId, authorization, unreadCall(model)));
  }

  /** Runs what was read. @param read understands the request, once it is known who asks; it may say by `asks` which model, before it is done */
  async run(read: (asks: (model: string) => void) => Call): Promise<ModelInferResponse> {
    const { visit } = this;
    await visit.bodyArrived();
    const call = read((model) => (visit.understood = unreadCall(model)));
    visit.understood = call;
    // Beside the request as it came, the call holds it in the form that is recorded.
    visit.hold(call.tensors?.length ?? 0);
    const reply = new TensorReply();
    const summary = await this.#door.flow.run(visit.opened(call, NO_MESSAGES_TOKENS), reply);
    this.#isOnRecord = true;
    this.#door.figures.ended(false, summary);
    if (summary.error) throw summary.error;
    return reply.response;
  }

  /** What to tell of what was thrown; what ended a call that ran is on record already. */
  async refuse(thrown: unknown): Promise<ServiceError> {
    const error = ServiceError.from(thrown);
    return naming(this.#isOnRecord ? error : await this.visit.refuse(error));
  }
}

/** KServe v2 tells errors by a message alone, so that what is wrong must be named in it. */
function naming(error: ServiceError): ServiceError {
  const { code, message, param, retryAfterSeconds, upstream, cause } = error;
  if (param === undefined || message.includes(param)) return error;
  return new ServiceError(code, `${message} (${param})`, { param, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }), ...(upstream && { upstream }), cause });
}
