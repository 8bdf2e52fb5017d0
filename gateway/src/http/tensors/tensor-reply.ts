import { fromBinary } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import { ModelInferResponseSchema, type ModelInferResponse } from '@sluice/proto/kserve';
import type { Events } from '../../domain/call.ts';
import type { Sink } from '../../domain/ports.ts';

/** The answer of one call with tensors: what the flow releases of it. */
export class TensorReply implements Sink {
  #response: Uint8Array | undefined;

  release(events: Events): void {
    for (const { event } of events) if (event.case === 'tensors') this.#response = event.value.response;
  }

  drained(): undefined {
    return undefined;
  }

  /** Once the flow has ended well. */
  get response(): ModelInferResponse {
    if (!this.#response) throw new ServiceError('upstream_error', 'The model gave no answer.');
    return fromBinary(ModelInferResponseSchema, this.#response);
  }
}
