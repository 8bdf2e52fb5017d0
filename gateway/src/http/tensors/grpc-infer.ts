import { readInferRequest } from '@sluice/kserve';
import type { ModelInferResponse } from '@sluice/proto/kserve';
import type { UnreadCall } from '@sluice/rpc/grpc';
import { rateLimitHeaders } from '../rate-limit-headers.ts';
import type { Uploads } from '../uploads.ts';
import { readMessage } from './grpc-body.ts';
import { tensorCall } from './tensor-call.ts';
import { TensorVisit, type TensorDoor } from './tensor-visit.ts';

/** `ModelInfer`: let in and known by its key before a byte of it is read; every byte counts before one is decoded. */
export async function infer(door: TensorDoor, uploads: Uploads, call: UnreadCall, callId: string): Promise<ModelInferResponse> {
  const { signal, metadata, body } = call;
  const tensors = await TensorVisit.enter(door, callId, metadata['authorization'], '');
  const { visit } = tensors;
  const onAbort = (): void => visit.abort.abort(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  // What it holds it holds until the answer has left, or who asked for it.
  for (const event of ['finish', 'close']) body.once(event, () => visit.clientLeft(body.writableFinished));
  if (body.destroyed) visit.clientLeft(false);
  try {
    await visit.authenticate();
    const message = await readMessage(call, uploads, { signal: visit.abort.signal, hold: (bytes) => visit.hold(bytes) });
    return await tensors.run((asks) => {
      const request = readInferRequest(message);
      asks(request.modelName);
      return tensorCall(request.modelName, request.modelVersion, request);
    });
  } catch (thrown) {
    throw await tensors.refuse(thrown);
  } finally {
    Object.assign(call.trailers, rateLimitHeaders(visit.limits));
    signal.removeEventListener('abort', onAbort);
    visit.workEnded();
  }
}
